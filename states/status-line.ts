/** Owns the line that says how the daemon is, as `systemctl status` shows it: "10.5.219.0/24, 2 peers, in sync". */
import type { Report } from '../reconciler/contracts/report.ts';
import type { Agent } from './agent.ts';

/** Longer ones are cut: it is one line of a screen. */
const MOST = 240;

/** `where`: the store, for a person ("etcd at http://10.0.0.1:2379"); `configKey`: where the network config is kept. */
export function statusLine({ journal, state }: Agent, where: string, configKey: string): string {
  const trouble = journal.failureOf('store');
  const report = journal.lastReport;
  if (report) return cut(trouble === undefined ? reportLine(report) : `${reportLine(report)}; ${trouble}`);
  if (trouble !== undefined) return cut(`Waiting for ${where}: ${trouble}`);
  if (state.host.problem !== undefined) return cut(`Waiting for the external interface: ${state.host.problem}`);
  const failure = journal.failureOf('lease') ?? journal.failureOf('work');
  if (failure !== undefined) return cut(failure);
  const [store, lease] = [journal.stateOf('store'), journal.stateOf('lease')];
  if (store === 'awaitingConfig') return `Waiting for the network config: there is no ${configKey} yet`;
  if (store === 'invalid') return `Waiting for a network config that can be run at ${configKey}`;
  if (lease === 'outOfSubnets') return 'Waiting for a free subnet';
  if (store === 'watching') return 'Waiting for a lease';
  return `Waiting for ${where}`;
}

export function reportLine({ network, source, summary, converged }: Report): string {
  const peers = Math.max(0, source.leases - (network.subnet === '' ? 0 : 1));
  const parts = [
    network.subnet === '' ? 'no subnet' : network.subnet,
    `${peers} ${peers === 1 ? 'peer' : 'peers'}`,
    converged ? 'in sync' : 'not in sync',
  ];
  if (summary.failed > 0) parts.push(`${summary.failed} failed`);
  if (summary.held > 0) parts.push(`${summary.held} held`);
  if (source.kind === 'cache') parts.push('from the last good copy');
  return parts.join(', ');
}

const cut = (line: string): string => (line.length > MOST ? `${line.slice(0, MOST - 1)}…` : line);
