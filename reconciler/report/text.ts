/**
 * Owns the sentences that the table and the markdown share, so that they can't tell different stories.
 */
import { foreign, MOST_SENTENCE } from '../../config/foreign-text.ts';
import { isMade } from '../contracts/driver.ts';
import type { Report } from '../contracts/report.ts';

/** A sentence or a cell as it may be shown: keys come from etcd, and anybody may have written them. */
export const plain = (text: string): string => foreign(text, MOST_SENTENCE);

/** "1 lease", "4,096 leases". */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** "web1 (eth0, 192.168.64.3): 10.5.34.0/24 of 10.5.0.0/16, host-gw, MTU 1500; 3 leases, etcd-v3 revision 42" */
export function headline({ host, network, source }: Pick<Report, 'host' | 'network' | 'source'>): string {
  const where = `${host.hostname} (${host.iface}, ${host.publicIP})`;
  const subnet = network.subnet || 'no subnet';
  const what = network.network
    ? `${subnet} of ${network.network}, ${network.backend}, MTU ${network.mtu}`
    : 'no network configured';
  const state = `${plural(source.leases, 'lease')}, ${source.kind} revision ${source.revision}`;
  return plain(`${where}: ${what}; ${state}${source.complete ? '' : ' (incomplete: nothing is deleted)'}`);
}

/** What happened and what is left, in one line. */
export function summaryLine(report: Report): string {
  const { mode, summary, drift, outcomes, held } = report;
  const parts: string[] = [];
  if (!drift.length) parts.push(mode === 'leave' ? 'Nothing to do' : 'No drift');
  else {
    const ops = (['create', 'update', 'delete'] as const).filter((op) => summary[op]);
    parts.push(`${plural(drift.length, 'difference')} (${ops.map((op) => `${summary[op]} to ${op}`).join(', ')})`);
  }
  const done = outcomes.filter(isMade).length;
  const blocked = outcomes.filter(({ result }) => result === 'blocked').length;
  if (mode !== 'drift' && outcomes.length)
    parts.push(`${done} of ${outcomes.length} ${mode === 'leave' ? 'done' : 'repaired'}`);
  if (summary.failed) parts.push(`${summary.failed} failed`);
  if (blocked) parts.push(`${blocked} blocked`);
  if (held.length) parts.push(`${held.length} held`);
  const unmet = held.filter((entry) => entry.unmet).length;
  if (unmet) parts.push(`${unmet} unmet`);
  return `${parts.join(', ')}: ${verdictOf(report)}.`;
}

function verdictOf({ mode, converged, leave }: Report): string {
  if (mode === 'drift') return converged ? 'in sync' : 'not in sync';
  if (!leave) return converged ? 'converged' : 'not converged';
  if (leave.dryRun) return 'a dry run, nothing was changed';
  const what = leave.handBack ? 'handed back to flannel' : 'left the network';
  return converged ? what : `not ${what}`;
}

/** Where a drift entry's repair did not succeed, how it ended, by kind and key. */
export function troubles({ outcomes }: Report): Map<string, string> {
  const found = new Map<string, string>();
  for (const { kind, key, result, error } of outcomes) {
    if (result === 'failed' || result === 'blocked')
      found.set(`${kind} ${key}`, error ? `${result}: ${error}` : result);
  }
  return found;
}
