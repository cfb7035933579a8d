/**
 * Owns the one list of metrics: /metrics, --metrics-file and docs/metrics.md are made from it. Names are as Prometheus has them
 * (https://prometheus.io/docs/practices/naming/).
 *
 * - No label has values that the network or its people make up: no subnet, no host, no key. What is about one peer is in the status.
 */
import type { HeldEntry, Report } from '../../reconciler/contracts/report.ts';
import type { Status } from '../../reconciler/contracts/status.ts';
import type { Known, Metric, Sample } from './metric.ts';

/** Reasons that are told apart; they are words of the code, and there are some eighty. */
const MOST_REASONS = 100;

const one = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ value }]);
const flag = (on: boolean | undefined): Sample[] => one(on === undefined ? undefined : Number(on));
/** Seconds since the epoch. */
const timeOf = (iso: string | null | undefined): Sample[] => (iso ? one(Date.parse(iso) / 1000) : []);

/** "route create" → kind and op. */
const byKindAndOp = (counts: ReadonlyMap<string, number>): Sample[] =>
  [...counts].map(([key, value]) => {
    const [kind = '', op = ''] = key.split(' ');
    return { value, labels: { kind, op } };
  });

const byLabel = (label: string, counts: Iterable<readonly [string, number]>): Sample[] =>
  [...counts].map(([name, value]) => ({ value, labels: { [label]: name } }));

function counted(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function heldByReason(held: readonly HeldEntry[]): Sample[] {
  const reasons = [...counted(held.map(({ why }) => why))];
  const [named, others] = [reasons.slice(0, MOST_REASONS), reasons.slice(MOST_REASONS)];
  const rest = others.reduce((sum, [, count]) => sum + count, 0);
  return byLabel('reason', rest > 0 ? [...named, ['other', rest]] : named);
}

const source = ({ daemon, report }: Known): Report['source'] | undefined => daemon?.status.store ?? report?.source;
const held = ({ daemon, report }: Known): readonly HeldEntry[] => daemon?.status.held ?? report?.held ?? [];
const peersIn = ({ peers }: Status, state: string): number => peers.filter((peer) => peer.state === state).length;

function isHeard(known: Known): boolean | undefined {
  if (known.daemon) return ['watching', 'awaitingConfig', 'invalid'].includes(known.daemon.status.regions.store.state);
  return known.report && known.report.source.kind !== 'cache';
}

const peers = ({ daemon, report }: Known): number | undefined =>
  daemon?.status.peers.length ?? (report && Math.max(0, report.source.leases - Number(report.network.subnet !== '')));

const udp = (known: Known) => known.report?.udp;

// biome-ignore format: one metric a row
export const METRICS: readonly Metric[] = [
  { name: 'selvage_build_info', type: 'gauge', labels: ['version', 'node'], ofRun: true, help: 'Always 1; which selvage, on which Node.', samples: ({ version }) => [{ value: 1, labels: { version, node: process.versions.node } }] },
  { name: 'selvage_in_sync', type: 'gauge', ofRun: true, help: 'Whether this host is as the store says, and nothing is left to do or unmet.', samples: ({ daemon, report }) => flag(daemon?.status.inSync ?? report?.converged) },
  { name: 'selvage_last_run_timestamp_seconds', type: 'gauge', ofRun: true, help: 'When the last round began.', samples: ({ report }) => timeOf(report?.at) },
  { name: 'selvage_last_run_duration_seconds', type: 'gauge', ofRun: true, help: 'How long the last round took.', samples: ({ report }) => one(report && report.durationMs / 1000) },
  { name: 'selvage_drift', type: 'gauge', labels: ['kind', 'op'], ofRun: true, help: 'Differences that the last round found, before any repair.', samples: ({ report }) => byKindAndOp(counted((report?.drift ?? []).map(({ kind, op }) => `${kind} ${op}`))) },
  { name: 'selvage_failed_changes', type: 'gauge', ofRun: true, help: 'Changes of the last round that failed.', samples: ({ report }) => one(report?.summary.failed) },
  { name: 'selvage_rounds_total', type: 'counter', labels: ['result'], help: 'Rounds, by what they came to: nothing, repaired, unrepaired, or failed (broken off).', samples: ({ daemon }) => (daemon ? byLabel('result', Object.entries(daemon.counts.results)) : []) },
  { name: 'selvage_round_wakeups_total', type: 'counter', labels: ['by'], help: 'What made rounds begin; one round may have several causes.', samples: ({ daemon }) => (daemon ? byLabel('by', daemon.counts.wakers) : []) },
  { name: 'selvage_drift_found_total', type: 'counter', labels: ['kind', 'op'], help: 'Differences found.', samples: ({ daemon }) => (daemon ? byKindAndOp(daemon.counts.found) : []) },
  { name: 'selvage_repairs_total', type: 'counter', labels: ['kind', 'op'], help: 'Changes that were made and found again.', samples: ({ daemon }) => (daemon ? byKindAndOp(daemon.counts.repaired) : []) },
  { name: 'selvage_routes_lost_total', type: 'counter', help: "Routes of peers that were found lost or altered although they had been right; the status says which peer's.", samples: ({ daemon }) => one(daemon?.counts.routesLost) },
  { name: 'selvage_held', type: 'gauge', labels: ['reason'], ofRun: true, help: 'What is left as it is, by reason.', samples: (known) => heldByReason(held(known)) },
  { name: 'selvage_unmet', type: 'gauge', ofRun: true, help: 'Of what is held, that because of which this host lacks something.', samples: (known) => one(held(known).filter(({ unmet }) => unmet).length) },
  { name: 'selvage_retries_pending', type: 'gauge', help: 'Changes that failed and are tried again.', samples: ({ daemon }) => one(daemon?.status.retries.length) },
  { name: 'selvage_leases', type: 'gauge', ofRun: true, help: 'Leases in force, our own among them.', samples: (known) => one(source(known)?.leases) },
  { name: 'selvage_peers', type: 'gauge', ofRun: true, help: 'Other hosts of the network.', samples: (known) => one(peers(known)) },
  { name: 'selvage_peers_by_state', type: 'gauge', labels: ['state'], help: 'Other hosts by whether they are served, held, or waited for.', samples: ({ daemon }) => (daemon ? ['served', 'held', 'waiting'].map((state) => ({ value: peersIn(daemon.status, state), labels: { state } })) : []) },
  { name: 'selvage_probes_total', type: 'counter', help: 'Peers that were asked by real packets (--probe-interval).', samples: ({ report }) => one(report?.probes?.asked) },
  { name: 'selvage_peers_unreachable', type: 'gauge', help: 'Peers that did not answer when they were asked; the status says which.', samples: ({ report }) => one(report?.probes?.unreachable.length) },
  { name: 'selvage_lease_expiry_timestamp_seconds', type: 'gauge', help: 'When our lease ends if nobody renews it; absent for a permanent one.', samples: ({ daemon }) => timeOf(daemon?.status.lease?.endsAt) },
  { name: 'selvage_lease_renewal_timestamp_seconds', type: 'gauge', help: 'When our lease is renewed next.', samples: ({ daemon }) => timeOf(daemon?.status.lease?.renewAt) },
  { name: 'selvage_lease_held', type: 'gauge', help: 'Whether this host has a lease.', samples: ({ daemon }) => flag(daemon && daemon.status.lease !== null) },
  { name: 'selvage_store_connected', type: 'gauge', ofRun: true, help: 'Whether the store (etcd) is heard.', samples: (known) => flag(isHeard(known)) },
  { name: 'selvage_store_revision', type: 'gauge', ofRun: true, help: 'Revision of the store up to which everything is known.', samples: (known) => one(source(known) && Number(source(known)?.revision)) },
  { name: 'selvage_store_losses_total', type: 'counter', help: 'How often the store could not be heard any more.', samples: ({ daemon }) => one(daemon?.counts.storeLosses) },
  { name: 'selvage_netlink_overruns_total', type: 'counter', help: "How often the kernel's queue of events overflowed, so that everything was looked at.", samples: ({ daemon }) => one(daemon?.overruns) },
  { name: 'selvage_docker_restarts_total', type: 'counter', labels: ['result'], help: 'Restarts of Docker that selvage made, by whether they helped.', samples: ({ daemon }) => (daemon ? byLabel('result', Object.entries(daemon.counts.dockerRestarts)) : []) },
  { name: 'selvage_udp_packets_total', type: 'counter', labels: ['direction'], help: 'Packets that the udp engine has moved since it started.', samples: (known) => (udp(known) ? [{ value: udp(known)!.sent.packets, labels: { direction: 'sent' } }, { value: udp(known)!.received.packets, labels: { direction: 'received' } }] : []) },
  { name: 'selvage_udp_bytes_total', type: 'counter', labels: ['direction'], help: 'Bytes of them.', samples: (known) => (udp(known) ? [{ value: udp(known)!.sent.bytes, labels: { direction: 'sent' } }, { value: udp(known)!.received.bytes, labels: { direction: 'received' } }] : []) },
  { name: 'selvage_udp_drops_total', type: 'counter', labels: ['cause'], help: 'Packets that it has dropped.', samples: (known) => byLabel('cause', Object.entries(udp(known)?.drops ?? {})) },
  { name: 'process_start_time_seconds', type: 'gauge', help: 'When the daemon started.', samples: ({ daemon }) => timeOf(daemon?.status.selvage.since) },
  { name: 'process_cpu_seconds_total', type: 'counter', help: 'Time that the daemon has computed.', samples: ({ daemon }) => one(daemon && cpuSeconds()) },
  { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory of the daemon.', samples: ({ daemon }) => one(daemon && process.memoryUsage.rss()) },
];

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The one that is no row, because it has buckets. */
export const ROUND_DURATION = { name: 'selvage_round_duration_seconds', help: 'How long rounds took.' } as const;
