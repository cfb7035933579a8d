/**
 * Owns how a round becomes its report: everything is passed in, nothing is decided here but what "converged" means.
 *
 * - Same round, same report: drift and held are sorted, whatever order the kernel or the store listed things in.
 * - converged: desired state was complete, nothing that etcd wants is unmet, and every change was made and found again. A drift report
 *   makes none, so there it means that there was nothing to make.
 */
import { byText } from '../../config/by-text.ts';
import { withCure } from '../../config/open-files.ts';
import { type Change, isMade, type Outcome, resourceOf } from '../contracts/driver.ts';
import type {
  CompanionSections,
  Culprit,
  DriftEntry,
  HeldEntry,
  Report,
  ReportKind,
  Told,
} from '../contracts/report.ts';
import { BUILD_ORDER, isResourceKind, type Resource, rulesOf, splitId, textOf } from '../kinds/index.ts';

export interface ReportInput extends Pick<Report, 'mode' | 'durationMs' | 'host' | 'source' | 'network'> {
  /** When the round began, ms since epoch. */
  at: number;
  /** What was found to differ, before any repair. */
  changes: readonly Change[];
  /** Drift that is no resource of the host: a lease to be taken, rewritten or released. */
  otherDrift?: readonly DriftEntry[];
  /** One for each change that was tried; none in a drift report. */
  outcomes?: readonly Outcome[];
  /** What came of the work of companions. */
  otherOutcomes?: Report['outcomes'];
  sections?: CompanionSections;
  leave?: Report['leave'];
  held: readonly HeldEntry[];
  /** Who had changed a thing that was put back, by id. */
  culprits?: ReadonlyMap<string, Culprit>;
  /** The host that a thing is there for, by id (`kind key`). */
  peerOf?: (id: string) => Told['peer'];
}

/** Up in build order, then down in reverse: as a plan is carried out. */
function phase(change: Change): number {
  const index = BUILD_ORDER.indexOf(resourceOf(change).kind);
  return change.op === 'delete' ? 2 * BUILD_ORDER.length - index : index;
}

/** "10.5.9.0" before "10.5.34.0": numbers compare as numbers. */
const natural = new Intl.Collator('en', { numeric: true }).compare;

/** Nobody reads more by eye; there the store's order does, which is sorted too, and sorting by numbers would cost more than the plan. */
const MOST_SORTED = 2000;

function inOrder(changes: readonly Change[]): Change[] {
  if (changes.length <= MOST_SORTED)
    return changes.toSorted((a, b) => phase(a) - phase(b) || natural(a.id, b.id) || byText(a.id, b.id));
  const phases = Array.from({ length: 2 * BUILD_ORDER.length + 1 }, (): Change[] => []);
  for (const change of changes) phases[phase(change)]!.push(change);
  return phases.flat();
}

const fieldsOf = (resource: Resource): Record<string, unknown> => rulesOf(resource.kind).fields(resource);

/** The named fields, each under its name; "ipip.local" is one inside another. */
function pick(resource: Resource, names: readonly string[]): object {
  const valueAt = (name: string): unknown =>
    name.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown>)?.[part], fieldsOf(resource));
  return Object.fromEntries(names.map((name) => [name, valueAt(name)]));
}

/** An entry of which no more than the key is known. */
function told<E extends { kind: ReportKind; key: string }>(entry: E, peerOf: ReportInput['peerOf']): E & Told {
  const { kind, key } = entry;
  const text = isResourceKind(kind) ? rulesOf(kind).textOfKey(key) : key;
  return withPeer({ ...entry, text }, `${kind} ${key}`, peerOf);
}

/** `entry` itself with the peer of `id`: a report has tens of thousands, and copies would cost more than all else in it. */
function withPeer<E extends object>(entry: E, id: string, peerOf: ReportInput['peerOf']): E {
  const peer = peerOf?.(id);
  return peer ? Object.assign(entry, { peer }) : entry;
}

function withCulprit<E extends DriftEntry>(entry: E, id: string, culprits: ReportInput['culprits']): E {
  const by = culprits?.get(id);
  return by ? Object.assign(entry, { by }) : entry;
}

/** A change as a person wants to read it: for an update only what differs. */
function driftEntry(change: Change): DriftEntry & Pick<Told, 'text'> {
  const { op, reason } = change;
  const text = textOf(resourceOf(change));
  const { kind, key } = splitId(change.id);
  switch (change.op) {
    case 'create':
      return { op, kind, key, text, reason, want: fieldsOf(change.want) };
    case 'update': {
      const { fields } = change;
      const edit = change.want.kind === 'file' ? change.want.edit : undefined;
      if (edit) return { op, kind, key, text, reason, fields, want: edit.want, have: edit.have };
      return { op, kind, key, text, reason, fields, want: pick(change.want, fields), have: pick(change.have, fields) };
    }
    case 'delete':
      return { op, kind, key, text, reason, have: fieldsOf(change.have) };
  }
}

function outcomeEntry({ change, result, failure }: Outcome): Report['outcomes'][number] {
  const { kind, key } = splitId(change.id);
  const entry = { kind, key, op: change.op, result };
  return failure ? { ...entry, error: withCure(failure.message) } : entry;
}

export function buildReport(input: ReportInput): Report {
  const { mode, durationMs, host, source, network } = input;
  const changes = inOrder(input.changes);
  const { peerOf } = input;
  const drift = [
    ...(input.otherDrift ?? []).map((entry) => told(entry, peerOf)),
    // By the change's own id: one put together anew would be hashed anew.
    ...changes.map((change) => withCulprit(withPeer(driftEntry(change), change.id, peerOf), change.id, input.culprits)),
  ];
  // A round comes after what it needs from the store: in a repair run the lease has been made by now.
  const made = mode === 'once' ? (input.otherDrift ?? []).filter(({ kind }) => kind === 'lease') : [];
  const outcomes = [
    ...made.map(({ kind, key, op }) => ({ kind, key, op, result: 'done' as const })),
    ...(input.outcomes ?? []).map(outcomeEntry),
    ...(input.otherOutcomes ?? []),
  ];
  const held = input.held
    .map((entry) => told({ ...entry, detail: withCure(entry.detail) }, peerOf))
    .sort((a, b) => byText(a.kind, b.kind) || natural(a.key, b.key) || byText(a.key, b.key) || byText(a.why, b.why));

  const allMade = outcomes.every(isMade);
  // Who leaves goes by what is on the host: what it doesn't know of the store is not missing.
  const allMet = (source.complete || mode === 'leave') && !held.some((entry) => entry.unmet);
  return {
    version: 1,
    mode,
    at: new Date(input.at).toISOString(),
    durationMs,
    host,
    source,
    network,
    drift,
    outcomes,
    held,
    summary: summaryOf({ drift, outcomes, held }),
    converged: allMet && (mode === 'drift' ? drift.length === 0 : allMade),
    ...input.sections,
    ...(input.leave ? { leave: input.leave } : {}),
  };
}

function summaryOf({ drift, outcomes, held }: Pick<Report, 'drift' | 'outcomes' | 'held'>): Report['summary'] {
  const count = (op: string): number => drift.filter((entry) => entry.op === op).length;
  const failed = outcomes.filter(({ result }) => result === 'failed').length;
  return { create: count('create'), update: count('update'), delete: count('delete'), held: held.length, failed };
}

/** One run in two rounds: what the first found, what both made of it, and what is so after the second. */
export function joinReports(first: Report, second: Report): Report {
  const known = new Set(first.drift.map(({ kind, key }) => `${kind} ${key}`));
  const drift = [...first.drift, ...second.drift.filter(({ kind, key }) => !known.has(`${kind} ${key}`))];
  const outcomes = [...first.outcomes, ...second.outcomes];
  return {
    ...second,
    at: first.at,
    durationMs: Date.parse(second.at) - Date.parse(first.at) + second.durationMs,
    drift,
    outcomes,
    summary: summaryOf({ drift, outcomes, held: second.held }),
    converged: second.converged && outcomes.every(isMade),
  };
}
