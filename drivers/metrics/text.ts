/** Owns metrics as Prometheus reads them: the list's samples, written by prom-client, which is loaded only where somebody asks. */
import { Counter, Gauge, type Histogram, Registry } from 'prom-client';
import { type Counts, DURATION_BUCKETS } from '../../reconciler/contracts/status.ts';
import { METRICS, ROUND_DURATION } from './list.ts';
import type { Known } from './metric.ts';

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Those that have something to say. A registry a text: what is counted is counted elsewhere, once. */
export function metricsText(known: Known): Promise<string> {
  const registry = new Registry();
  for (const { name, help, type, labels = [], ofRun, samples } of METRICS) {
    const values = ofRun || known.daemon ? samples(known) : [];
    if (values.length === 0) continue;
    const config = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') {
      const counter = new Counter(config);
      for (const sample of values) counter.inc({ ...sample.labels }, sample.value);
    } else {
      const gauge = new Gauge(config);
      for (const sample of values) gauge.set({ ...sample.labels }, sample.value);
    }
  }
  if (known.daemon) registry.registerMetric(roundDuration(known.daemon.counts));
  return registry.metrics();
}

/** prom-client's own histogram counts observations; these are counted already, so that only what it asks of a metric is here. */
function roundDuration({ durations, durationSeconds }: Counts): Histogram {
  const { name, help } = ROUND_DURATION;
  let count = 0;
  const buckets = durations.map((more, index) => {
    count += more;
    return { metricName: `${name}_bucket`, labels: { le: DURATION_BUCKETS[index] ?? '+Inf' }, value: count };
  });
  const values = [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: durationSeconds },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
  const metric = { name, help, type: 'histogram', get: async () => ({ name, help, type: 'histogram', values }) };
  return metric as unknown as Histogram;
}
