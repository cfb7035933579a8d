/**
 * Owns the sentences that the table and the markdown share, so that they can't tell different stories.
 */
import { isMade } from '../contracts/driver.ts';
import type { HeldEntry, Report } from '../contracts/report.ts';

/** What a person reads at once; the rest is in the JSON document. */
export const MAX_ROWS = 50;

/** What of it is shown, and the line that says how much is not. */
export function capped<T>(rows: readonly T[]): { shown: readonly T[]; more?: string } {
  if (rows.length <= MAX_ROWS) return { shown: rows };
  const more = rows.length - MAX_ROWS;
  return { shown: rows.slice(0, MAX_ROWS), more: `and ${more.toLocaleString('en')} more (--format json has them all)` };
}

/** Control characters are shown, not obeyed: keys come from etcd, and anybody may have written them. */
export const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** "web1 (eth0, 192.168.64.3): 10.5.34.0/24 of 10.5.0.0/16, host-gw, MTU 1500; 3 leases, etcd-v3 revision 42" */
export function headline({ host, network, source }: Report): string {
  const where = `${host.hostname} (${host.iface}, ${host.publicIP})`;
  const subnet = network.subnet || 'no subnet';
  const what = network.network
    ? `${subnet} of ${network.network}, ${network.backend}, MTU ${network.mtu}`
    : 'no network configured';
  const state = `${plural(source.leases, 'lease')}, ${source.kind} revision ${source.revision}`;
  return plain(`${where}: ${what}; ${state}${source.complete ? '' : ' (incomplete: nothing is deleted)'}`);
}

/** What happened and what is left, in one line. */
export function summaryLine({ mode, summary, drift, outcomes, held, converged }: Report): string {
  const parts: string[] = [];
  if (!drift.length) parts.push('No drift');
  else {
    const ops = (['create', 'update', 'delete'] as const).filter((op) => summary[op]);
    parts.push(`${plural(drift.length, 'difference')} (${ops.map((op) => `${summary[op]} to ${op}`).join(', ')})`);
  }
  const done = outcomes.filter(isMade).length;
  const blocked = outcomes.filter(({ result }) => result === 'blocked').length;
  if (mode !== 'drift' && outcomes.length) parts.push(`${done} of ${outcomes.length} repaired`);
  if (summary.failed) parts.push(`${summary.failed} failed`);
  if (blocked) parts.push(`${blocked} blocked`);
  if (held.length) parts.push(`${held.length} held`);
  const unmet = held.filter((entry) => entry.unmet).length;
  if (unmet) parts.push(`${unmet} unmet`);
  const verdict =
    mode === 'drift' ? (converged ? 'in sync' : 'not in sync') : converged ? 'converged' : 'not converged';
  return `${parts.join(', ')}: ${verdict}.`;
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

export const heldMark = (entry: HeldEntry): string => (entry.unmet ? `${entry.why} (unmet)` : entry.why);
