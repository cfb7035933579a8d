/**
 * Owns what a check of selvage doctor is: one value, from which the answer and its paragraph in docs/troubleshooting.md are made.
 *
 * - A check looks at facts and changes nothing. What a drift report holds is said by the check that claims it, and by no other.
 * - Each says in one sentence what is so, and what to do.
 */
import type { HeldEntry } from '../contracts/report.ts';
import type { Facts } from './facts.ts';

export const CATEGORIES = ['store', 'host', 'kernel', 'network', 'peers', 'Docker', 'firewall'] as const;
export type Category = (typeof CATEGORIES)[number];

/** wrong: containers don't reach each other because of it, or something that was asked for is not so. warning: it may come to that. */
export type Level = 'ok' | 'warning' | 'wrong' | 'unknown';

export interface Finding {
  level: Exclude<Level, 'ok'>;
  /** One sentence: what is so; of `unknown`, why it could not be told. */
  says: string;
  /** What to do, if `says` doesn't say it and it is another thing than the check's own. "": nothing. */
  cure?: string;
}

export interface Check {
  /** Its anchor in docs/troubleshooting.md. */
  id: string;
  category: Category;
  /** What is so when all is well. */
  title: string;
  /** Rows of docs/reference/doctor.md ("doctor 5b") and of what users report in docs/reference/flannel-in-use.md ("pain 3"). */
  covers?: readonly string[];
  /** What a report holds that this check is to say. The first that claims an entry gets it, those with `rest` last. */
  claims?(entry: HeldEntry): boolean;
  /** It claims what no other does. */
  rest?: true;
  /** [] if all is well; undefined if it doesn't concern this host. `held`: what it has claimed. */
  look(facts: Facts, held: readonly HeldEntry[]): readonly Finding[] | undefined;
  /** Of findings that have none of their own. */
  cure: string;
  /** For the page: why it matters and how it comes about. Markdown. */
  page: string;
}

export const wrong = (says: string, cure?: string): Finding => finding('wrong', says, cure);
export const warning = (says: string, cure?: string): Finding => finding('warning', says, cure);
export const unknown = (says: string, cure = ''): Finding => finding('unknown', says, cure);

const finding = (level: Finding['level'], says: string, cure: string | undefined): Finding =>
  cure === undefined ? { level, says } : { level, says, cure };

/** A held entry's sentence says what to do, too. */
export const fromHeld = (held: readonly HeldEntry[], level?: Finding['level']): Finding[] =>
  held.map(({ detail, unmet }) => finding(level ?? (unmet ? 'wrong' : 'warning'), detail, ''));

/** For a check that has nothing to say but what is held. */
export const saysHeld = (_: Facts, held: readonly HeldEntry[]): Finding[] => fromHeld(held);

/** What can't be judged because the look failed; why it did is said first of all. */
export const notSeen = (): Finding[] => [unknown("It can't be told without the network's config and leases.")];

/** Up to three of many, for a sentence. */
export function some(names: readonly string[], most = 3): string {
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}
