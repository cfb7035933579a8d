/** Owns how a round's repairs are told in one line: what was found, what was done, and how long it took, however many they are. */
import { isMade } from '../contracts/driver.ts';
import type { Op, Report } from '../contracts/report.ts';
import { plural } from './text.ts';

type Entry = Report['drift'][number];

/** Kinds of findings that are named; the rest is counted. */
const MOST_NAMED = 4;

const DONE: Record<Op, string> = { create: 'made again', update: 'put right', delete: 'removed' };

/** A name that bears a plural. */
const NAMES: Record<string, string> = {
  address: 'address',
  neighbour: 'ARP entry',
  fdb: 'FDB entry',
  nexthop: 'nexthop object',
  firewall: 'firewall part',
};

/** `tried`: the drift that the round had to mend. */
export function repairSentence(report: Report, tried: readonly Entry[]): string {
  const what = tried.length === 1 ? oneFound(tried[0]!) : manyFound(tried);
  return `${what}; ${outcome(report, tried)} in ${report.durationMs} ms.`;
}

function oneFound({ kind, key, text, reason, peer }: Entry): string {
  // A chain with all of its rules is no part of a line: its name is.
  return `${kind} ${text.includes('\n') ? key : text}${peer ? ` (host ${peer.publicIP})` : ''}: ${reason}`;
}

function manyFound(tried: readonly Entry[]): string {
  const counts = new Map<string, { entry: Entry; count: number }>();
  for (const entry of tried) {
    const alike = `${entry.kind} ${entry.reason}`;
    const known = counts.get(alike);
    if (known) known.count++;
    else counts.set(alike, { entry, count: 1 });
  }
  const groups = [...counts.values()];
  const named = groups
    .slice(0, MOST_NAMED)
    .map(({ entry, count }) => (count === 1 ? oneFound(entry) : `${counted(count, entry.kind)}: ${entry.reason}`));
  const rest = groups.slice(MOST_NAMED).reduce((sum, { count }) => sum + count, 0);
  return [...named, ...(rest ? [`${rest.toLocaleString('en')} more`] : [])].join(', ');
}

function counted(count: number, kind: string): string {
  const name = NAMES[kind] ?? kind;
  return plural(
    count,
    name,
    name.endsWith('s') ? `${name}es` : name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`,
  );
}

function outcome({ summary, outcomes }: Report, tried: readonly Entry[]): string {
  const blocked = outcomes.filter(({ result }) => result === 'blocked').length;
  const trouble = [...(summary.failed ? [`${summary.failed} failed`] : []), ...(blocked ? [`${blocked} blocked`] : [])];
  const done = outcomes.filter(isMade).length;
  const ops = new Set(tried.map(({ op }) => op));
  const [op] = ops;
  const word = ops.size === 1 && op ? DONE[op] : 'repaired';
  if (!trouble.length) return tried.length === 1 ? word : `all ${word}`;
  return `${done} ${word}, ${trouble.join(', ')}`;
}
