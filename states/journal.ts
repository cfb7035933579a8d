/**
 * Owns what is said: the last report, and log lines that say a thing once and not again until it has changed.
 */
import { isOutOfFiles, withCure } from '../config/open-files.ts';
import type { HeldEntry, Report, ReportKind } from '../reconciler/contracts/report.ts';
import { isResourceKind } from '../reconciler/kinds/index.ts';
import { repairSentence } from '../reconciler/report/sentence.ts';
import type { Log } from './deps.ts';

/** Entries of drift that a log line carries at most, and lines of one kind that a round may write; the rest is counted. */
const MOST_LOGGED = 20;

/** Numbers that tick (a waiting time, an age, how many leases are still missing) don't make a sentence new. */
export const timeless = (text: string): string =>
  text.replace(/\d+(\.\d+)? (s|times|leases?)\b/g, '…').replace(/\b(\d+h)?(\d+m)?(\d+s)? old\b/g, '… old');

const aboutOf = ({ kind, key, why }: HeldEntry): string => `${kind} ${key} ${why}`;

export class Journal {
  lastReport: Report | undefined;
  readonly #log: Log;
  /** Holds that were said, by what they are about. */
  #said = new Map<string, string>();
  readonly #lastFailure = new Map<string, string>();
  readonly #states = new Map<string, string>();

  /** Of a single run the report itself is the answer: it is kept, and not said a second time on stderr. */
  readonly #daemon: boolean;

  /** A companion says itself what it does. What of it differs may also be left alone, and is said as held. */
  readonly #companions: ReadonlySet<ReportKind>;

  constructor(log: Log, mode: Report['mode'], companions: ReadonlySet<ReportKind> = new Set()) {
    this.#log = log;
    this.#companions = companions;
    this.#daemon = mode === 'run';
  }

  /** A round's answer: a line if it changed or failed at anything, one for each new hold. @returns that line, "" for none */
  report(report: Report, scope: string): string {
    this.lastReport = report;
    if (!this.#daemon) return '';
    this.holds(report.held);
    const failed = report.outcomes.filter((outcome) => outcome.result === 'failed');
    for (const { kind, key, op, error } of failed.slice(0, MOST_LOGGED))
      this.#log.warn({ kind, key, op }, `Could not ${op} ${kind} ${key}: ${error}`);
    this.#sayRest(failed.length, 'changes failed');
    const fields = {
      round: {
        scope,
        drift: report.drift.slice(0, MOST_LOGGED),
        summary: report.summary,
        converged: report.converged,
        durationMs: report.durationMs,
      },
    };
    const tried = report.drift.filter(({ kind }) => isResourceKind(kind) || !this.#companions.has(kind));
    const said = tried.length ? repairSentence(report, tried) : '';
    if (said !== '') this.#log.info(fields, said);
    else this.#log.debug(fields, `Nothing to do (${scope}).`);
    return said;
  }

  /** Says what is newly held, and what no longer is. */
  holds(held: readonly HeldEntry[]): void {
    if (!this.#daemon) return;
    const now = new Map(held.map((entry) => [aboutOf(entry), timeless(entry.detail)]));
    const fresh = held.filter((entry) => this.#said.get(aboutOf(entry)) !== timeless(entry.detail));
    const over = [...this.#said.keys()].filter((about) => !now.has(about));
    for (const { kind, key, why, detail } of fresh.slice(0, MOST_LOGGED))
      this.#log.warn({ held: { kind, key, why } }, detail);
    this.#sayRest(fresh.length, 'things are held');
    for (const about of over.slice(0, MOST_LOGGED)) this.#log.info({}, `No longer held: ${about}.`);
    this.#sayRest(over.length, 'things are no longer held');
    this.#said = now;
  }

  /** Says that there are more: of ten thousand alike nobody reads more than the first. */
  #sayRest(count: number, what: string): void {
    if (count > MOST_LOGGED)
      this.#log.warn({}, `${count - MOST_LOGGED} more ${what}; the report (/report) names them.`);
  }

  /** The same failure of a region again and again is one line, until it has recovered. */
  failure(region: string, error: unknown): void {
    const message = withCure(error instanceof Error ? error.message : String(error));
    if (message === this.#lastFailure.get(region)) return;
    this.#lastFailure.set(region, message);
    const expected = !(error instanceof Error) || error.name === 'StoreError' || isOutOfFiles(error);
    this.#log.warn(expected ? {} : { error: error.stack }, message);
  }

  recovered(region: string): void {
    this.#lastFailure.delete(region);
  }

  /** What is wrong with it, as it was said; undefined: nothing. */
  failureOf(region: string): string | undefined {
    return this.#lastFailure.get(region);
  }

  state(region: string, state: string): void {
    this.#states.set(region, state);
    this.#log.debug({ region, state }, `${region}: ${state}`);
  }

  stateOf(region: string): string {
    return this.#states.get(region) ?? '';
  }
}
