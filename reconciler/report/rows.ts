/**
 * Owns which lines the table and the markdown have of a report's drift and held entries: one each, or one for many that are alike.
 */
import type { Op, Report } from '../contracts/report.ts';
import { isResourceKind, rulesOf } from '../kinds/index.ts';
import { troubles } from './text.ts';

/** More changes than this of one kind and reason are one line, unless each is asked for. */
export const MOST_ALIKE = 20;

export interface Row {
  op: Op;
  kind: string;
  /** As `ip`, `bridge` or `ls` print it; of many the number and the first three. */
  text: string;
  /** "mtu 1400 → 1450" of what differs. */
  differs: string[];
  reason: string;
  /** "host 192.168.64.3", "" where it is there for none. */
  peer: string;
}

export interface HeldRow {
  kind: string;
  text: string;
  why: string;
  detail: string;
}

type Entry = Report['drift'][number];

export function driftRows(report: Report, all: boolean): Row[] {
  const trouble = troubles(report);
  const reasonOf = (entry: Entry): string => {
    const reason = entry.fields?.length && entry.reason.startsWith('differs:') ? 'differs' : entry.reason;
    const by = entry.by && `by ${entry.by.name} (process ${entry.by.pid})`;
    return [reason, by, trouble.get(`${entry.kind} ${entry.key}`)].filter(Boolean).join('; ');
  };
  const alike = (entry: Entry): string => [entry.op, entry.kind, reasonOf(entry), entry.fields].join('\n');
  return grouped(report.drift, alike, all).map((entries) => {
    const [first] = entries as [Entry];
    const { op, kind } = first;
    const row = { op, kind, reason: reasonOf(first), differs: [], peer: '' };
    if (entries.length > 1)
      return { ...row, text: manyText(entries), differs: first.fields ? [first.fields.join(', ')] : [] };
    return {
      ...row,
      text: shortText(first),
      differs: differences(first),
      peer: first.peer ? `host ${first.peer.publicIP}` : '',
    };
  });
}

export function heldRows({ held }: Pick<Report, 'held'>, all: boolean): HeldRow[] {
  const mark = (entry: Report['held'][number]): string => (entry.unmet ? `${entry.why} (unmet)` : entry.why);
  return grouped(held, (entry) => [entry.kind, mark(entry)].join('\n'), all).map((entries) => {
    const [first] = entries as [Report['held'][number]];
    const row = { kind: first.kind, why: mark(first), detail: first.detail };
    return entries.length > 1
      ? { ...row, text: manyText(entries), detail: `The first: ${first.detail}` }
      : { ...row, text: first.text };
  });
}

/** Beside what differs its name is enough. */
const shortText = ({ op, kind, key, text }: Entry): string =>
  op === 'update' && isResourceKind(kind) ? rulesOf(kind).textOfKey(key) : text;

/** Each entry alone, or with those that are alike where they are too many; in the order of the first. */
function grouped<E>(entries: readonly E[], alike: (entry: E) => string, all: boolean): E[][] {
  if (all || entries.length <= MOST_ALIKE) return entries.map((entry) => [entry]);
  const groups = new Map<string, E[]>();
  for (const entry of entries) {
    const group = groups.get(alike(entry));
    if (group) group.push(entry);
    else groups.set(alike(entry), [entry]);
  }
  return [...groups.values()].flatMap((group) => (group.length > MOST_ALIKE ? [group] : group.map((entry) => [entry])));
}

const manyText = (entries: readonly { text: string }[]): string =>
  `${entries.length.toLocaleString('en')} of them: ${entries
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ')}; …`;

/** Have → want of each field; of a text the lines that differ. */
function differences({ op, fields = [], want, have }: Entry): string[] {
  if (op !== 'update') return [];
  const valueIn = (side: unknown, field: string): unknown => (side as Record<string, unknown> | undefined)?.[field];
  return fields.flatMap((field) => {
    const [has, wants] = [valueIn(have, field), valueIn(want, field)];
    if (typeof has === 'string' && typeof wants === 'string' && /\n/.test(has + wants))
      return lineDifferences(has, wants);
    return [`${field} ${shown(has)} → ${shown(wants)}`];
  });
}

function lineDifferences(have: string, want: string): string[] {
  const [has, wants] = [have.split('\n'), want.split('\n')];
  const [gone, added] = [has.filter((line) => !wants.includes(line)), wants.filter((line) => !has.includes(line))];
  return [...gone.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)];
}

function shown(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value || '""' : JSON.stringify(value);
}
