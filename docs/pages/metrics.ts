/** Owns the page docs/metrics.md: what each metric is, from the list that makes them. */
import { METRICS, ROUND_DURATION } from '../../drivers/metrics/list.ts';

const HEAD = `# Metrics

<!-- Made by docs/generate-metrics.ts from drivers/metrics/list.ts; edit that, or docs/pages/metrics.ts. -->

A daemon with \`--http 127.0.0.1:9472\` serves them at \`/metrics\`. A run from a timer (\`selvage --once\`, \`selvage drift\`) writes those marked "run" with
\`--metrics-file /var/lib/prometheus/node-exporter/selvage.prom\`, which node_exporter's textfile collector serves. No label has values that the network or
its people make up: nothing here is named by subnet or host; [\`selvage status\`](status.md) is.

\`packaging/prometheus/\` has alert rules with their tests (\`promtool test rules\`) and a dashboard for Grafana. For Prometheus on the host itself:

\`\`\`
scrape_configs:
  - job_name: selvage
    static_configs: [{ targets: ['127.0.0.1:9472'] }]
\`\`\`

From elsewhere, \`--http 0.0.0.0:9472\` is read by whoever reaches it, without a password: better a proxy that asks for one, or the collector's file.

| metric | type | labels | run | what it is |
|---|---|---|---|---|
`;

/** The text of docs/metrics.md. */
export function metricsManual(): string {
  const rows = METRICS.map(({ name, type, labels = [], ofRun, help }) => [name, type, labels, ofRun, help] as const);
  const all = [...rows, [ROUND_DURATION.name, 'histogram', [], undefined, ROUND_DURATION.help] as const];
  const line = ([name, type, labels, ofRun, help]: (typeof all)[number]): string =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${ofRun ? 'yes' : ''} | ${help} |\n`;
  return HEAD + all.map(line).join('');
}
