import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeMetricsFile } from '../../../../drivers/metrics/file.ts';
import { METRICS } from '../../../../drivers/metrics/list.ts';
import type { Known } from '../../../../drivers/metrics/metric.ts';
import { metricsText } from '../../../../drivers/metrics/text.ts';
import { buildReport } from '../../../../reconciler/report/build-report.ts';
import { Mirror } from '../../../../reconciler/store/mirror.ts';
import { History } from '../../../../states/history.ts';
import { inputOf, linkUpdate, peerChanges } from '../../../helpers/report.ts';
import { statusWith } from '../../../helpers/status.ts';

const changes = [linkUpdate, ...peerChanges('create', 3)];
const held = (why: string, key = why) => ({ kind: 'route', key, text: key, why, detail: 'x.', unmet: true }) as const;
const udp = {
  pid: 1,
  since: '2026-01-01T00:00:00.000Z',
  listens: '192.0.2.1:8285',
  peers: 2,
  sent: { packets: 5, bytes: 500 },
  received: { packets: 6, bytes: 600 },
  drops: { 'no peer': 2 },
  without: [],
  rightsKept: [],
};
const probes = {
  everyMs: 1000,
  asked: 77,
  unreachable: [
    { subnet: '10.5.9.0/24', publicIP: '192.0.2.9', lacks: 'tcp', since: '2026-01-01T00:00:00.000Z' } as const,
  ],
};
const report = buildReport(
  inputOf({
    mode: 'run',
    changes,
    outcomes: changes.map((change) => ({ change, result: 'done' as const })),
    held: [held('foreign route')],
    sections: { udp, probes },
  }),
);

function daemonWith(parts: Parameters<typeof statusWith>[0] = {}): Known {
  const history = new History();
  history.state('store', 'watching', 0);
  history.state('store', 'stale', 1);
  for (const durationMs of [2, 3, 700, 20_000]) {
    history.woken('host');
    history.begin(0, 1);
    history.end({ ...report, durationMs }, 'everything', 'x', undefined, new Mirror('/n'));
  }
  const status = statusWith({
    held: [held('foreign route', 'a'), held('foreign route', 'b'), held('contested')],
    ...parts,
  });
  return { version: '1.2.3', report, daemon: { status, counts: history, overruns: 3 }, now: Date.parse(status.at) };
}

/** What Debian's Prometheus has to say of it: nothing, if it is right. */
function promtoolSays(text: string): string {
  const { stdout, stderr, status, error } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error) throw error;
  return `${status}${stdout}${stderr}`;
}

describe('metrics', () => {
  it('of a daemon are as promtool wants them, each of the list among them', async () => {
    const text = await metricsText(daemonWith());
    assert.equal(promtoolSays(text), '0');
    for (const { name } of METRICS) assert.ok(text.includes(`# TYPE ${name} `), name);
  });

  it('have what was counted', async () => {
    const lines = (await metricsText(daemonWith())).split('\n');
    for (const line of [
      'selvage_in_sync 1',
      'selvage_rounds_total{result="repaired"} 4',
      'selvage_round_wakeups_total{by="host"} 4',
      'selvage_drift_found_total{kind="route",op="create"} 4',
      'selvage_repairs_total{kind="link",op="update"} 4',
      'selvage_round_duration_seconds_bucket{le="0.0025"} 1',
      'selvage_round_duration_seconds_bucket{le="0.005"} 2',
      'selvage_round_duration_seconds_bucket{le="+Inf"} 4',
      'selvage_round_duration_seconds_count 4',
      'selvage_held{reason="foreign route"} 2',
      'selvage_held{reason="contested"} 1',
      'selvage_unmet 3',
      'selvage_peers 2',
      'selvage_peers_by_state{state="served"} 2',
      'selvage_store_connected 1',
      'selvage_store_revision 42',
      'selvage_store_losses_total 1',
      'selvage_netlink_overruns_total 3',
      'selvage_probes_total 77',
      'selvage_peers_unreachable 1',
      'selvage_udp_packets_total{direction="sent"} 5',
      'selvage_udp_drops_total{cause="no peer"} 2',
      `selvage_lease_expiry_timestamp_seconds ${Date.parse('2026-01-02T09:00:00.000Z') / 1000}`,
    ])
      assert.ok(lines.includes(line), `${line} is not in\n${lines.join('\n')}`);
  });

  it('have no label whose values have no end', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => held(`reason ${i}`));
    const peers = Array.from({ length: 4096 }, (_, i) => ({
      ...statusWith().peers[0]!,
      subnet: `10.${i >> 8}.${i & 255}.0/24`,
    }));
    const text = await metricsText(daemonWith({ held: many, peers }));
    assert.ok(text.split('\n').length < 400, `${text.split('\n').length} lines`);
    assert.match(text, /^selvage_held\{reason="other"\} 4900$/m);
    assert.doesNotMatch(text, /10\.0\.7\.0/);
  });

  it('before the first round and without a lease say what there is', async () => {
    const known = daemonWith({ lease: null, inSync: false });
    const text = await metricsText({ ...known, report: undefined });
    assert.equal(promtoolSays(text), '0');
    assert.match(text, /^selvage_lease_held 0$/m);
    assert.doesNotMatch(text, /selvage_lease_expiry|selvage_last_run/);
  });
});

describe('the metrics file of a run', () => {
  it('is written whole, and nothing else', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'selvage-metrics-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'selvage.prom');
    await writeMetricsFile(path, { version: '1.2.3', report, now: 0 });
    const text = readFileSync(path, 'utf8');
    assert.equal(promtoolSays(text), '0');
    assert.match(text, /^selvage_drift\{kind="route",op="create"\} 1$/m);
    assert.match(text, /^selvage_in_sync 0$/m);
    assert.doesNotMatch(text, /_total/);
    await writeMetricsFile(path, { version: '1.2.3', report, now: 0 });
    assert.deepEqual(readdirSync(folder), ['selvage.prom']);
  });

  it('that can not be written is a sentence', async () => {
    await assert.rejects(
      writeMetricsFile('/proc/nowhere/x.prom', { version: '1', report, now: 0 }),
      /could not be written to \/proc\/nowhere\/x\.prom \(.*--metrics-file/,
    );
  });
});
