/**
 * Owns what a host says of itself to the others (--fleet): one small value in the store, under `<prefix>/selvage/<subnet>`. It is written by a
 * selvage and read by another of any version, so whatever is read is checked and bounded, and unknown fields are passed over.
 *
 * - It has nothing in it that ticks, and nothing that changes on every host when one host comes or goes: each write is told to all.
 */
import { foreign, MOST_SENTENCE } from '../../config/foreign-text.ts';
import type { Report } from '../contracts/report.ts';
import type { Status } from '../contracts/status.ts';

/** Sentences and subnets that are passed on; the rest is counted. */
const MOST_NAMED = 5;
/** Longer values are not read (as leases, lease/read.ts). */
const LONGEST = 16 * 1024;

export interface Summary {
  version: 1;
  /** When it was written, ISO time. */
  at: string;
  hostname: string;
  publicIP: string;
  /** Version of selvage. */
  selvage: string;
  inSync: boolean;
  held: number;
  /** Of those, because of which it lacks something. */
  unmet: number;
  /** What is wrong, a sentence each; the first few. */
  wrong: string[];
  /** Subnets of peers that did not answer; the first few, and how many there are. */
  unreachable: { subnets: string[]; count: number };
  /** The address of Docker's bridge; null: there is none, or it isn't looked at. */
  docker: string | null;
}

export function summaryOf(status: Status, report: Pick<Report, 'docker'> | undefined): Summary {
  const { at, host, selvage, inSync, held, retries } = status;
  const unmet = held.filter((entry) => entry.unmet);
  const silent = held.filter(({ kind, why }) => kind === 'peer' && why === 'unreachable').map(({ key }) => key);
  const wrong = [
    ...unmet.map(({ detail }) => detail),
    ...retries.map(({ kind, key, why }) => `${kind} ${key}: ${why}`),
  ];
  return {
    version: 1,
    at,
    hostname: host.hostname,
    publicIP: host.publicIP,
    selvage: selvage.version,
    inSync,
    held: held.length,
    unmet: unmet.length,
    wrong: wrong.slice(0, MOST_NAMED).map((sentence) => foreign(sentence, MOST_SENTENCE)),
    unreachable: { subnets: silent.slice(0, MOST_NAMED), count: silent.length },
    docker: report?.docker?.bridge?.address ?? null,
  };
}

/** undefined: it is none that can be read. */
export function readSummary(text: string): Summary | undefined {
  if (text.length > LONGEST) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const { version, at, inSync, docker } = fields;
  if (version !== 1 || typeof inSync !== 'boolean' || typeof at !== 'string' || Number.isNaN(Date.parse(at)))
    return undefined;
  const unreachable = (typeof fields.unreachable === 'object' && fields.unreachable) || {};
  const { subnets, count } = unreachable as Record<string, unknown>;
  return {
    version: 1,
    at: new Date(at).toISOString(),
    hostname: word(fields.hostname),
    publicIP: word(fields.publicIP),
    selvage: word(fields.selvage),
    inSync,
    held: number(fields.held),
    unmet: number(fields.unmet),
    wrong: list(fields.wrong).map((sentence) => foreign(sentence, MOST_SENTENCE)),
    unreachable: { subnets: list(subnets).map((subnet) => foreign(subnet)), count: number(count) },
    docker: typeof docker === 'string' ? foreign(docker) : null,
  };
}

const word = (value: unknown): string => (typeof value === 'string' ? foreign(value) : '');
const number = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string').slice(0, MOST_NAMED) : [];
