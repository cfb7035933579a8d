/**
 * Owns the status: what a running daemon is doing, for people who ask it (`selvage status`, the page, metrics). A report is about one round;
 * this is about the process. `version` changes when a field changes its meaning or goes away; adding one doesn't change it.
 */
import type { HeldEntry, Report, Told } from './report.ts';

/** What made a round begin. `due`: a time that was waited for; `failure`: the round before it failed as a whole. */
export type Waker = 'start' | 'store' | 'host' | 'schedule' | 'due' | 'companion' | 'lease' | 'failure';

/** What a round came to. `failed`: it broke off, and reported nothing. */
export type RoundResult = 'nothing' | 'repaired' | 'unrepaired' | 'failed';

export interface RoundNote {
  /** When it began, ISO time. */
  at: string;
  durationMs: number;
  woken: Waker[];
  /** Where it looked: "everything", "route 254|10.5.34.0/24|0|0". */
  scope: string;
  result: RoundResult;
  /** What was found and done, in words; "" of one that found nothing. */
  did: string;
  /** How many differences were found, and how many of them are as they should be now. */
  found: number;
  repaired: number;
}

export interface RegionStatus {
  state: string;
  /** ISO time. */
  since: string;
  /** What is wrong with it, as the log said it. */
  trouble?: string;
}

export interface Retry {
  kind: string;
  key: string;
  why: string;
  times: number;
  /** ISO time; null: not before what is wanted or what is there changes. */
  nextAt: string | null;
}

export interface PeerStatus {
  subnet: string;
  publicIP: string;
  /** `held`: it is not served, and `held` of the document says why; `waiting`: something of it could not be made, and is tried again. */
  state: 'served' | 'held' | 'waiting';
  /** How often its route was found lost or altered since the daemon started. */
  lost: number;
  /** ISO time; null: never. */
  lostAt: string | null;
}

export interface LeaseStatus {
  subnet: string;
  key: string;
  /** A reservation: it has no end. */
  permanent: boolean;
  /** ISO time; null for a permanent one, and where another renews it (--lease adopt). */
  endsAt: string | null;
  secondsLeft: number | null;
  renewAt: string | null;
}

/** Of a stream of events: what of the peers is another than before. */
export interface PeersEvent {
  changed: PeerStatus[];
  /** Subnets. */
  gone: string[];
}

/** What a daemon has counted since it started; bounded whatever happens. Keys of two words are "kind op". */
export interface Counts {
  results: Readonly<Record<RoundResult, number>>;
  wakers: ReadonlyMap<Waker, number>;
  found: ReadonlyMap<string, number>;
  repaired: ReadonlyMap<string, number>;
  /** Rounds by duration: one for each bound, and those that were longer. */
  durations: readonly number[];
  durationSeconds: number;
  routesLost: number;
  storeLosses: number;
  dockerRestarts: Readonly<Record<'done' | 'failed', number>>;
}

/** Upper bounds of durations that are counted together, s. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

export interface Status {
  version: 1;
  at: string;
  /** How it is, in a line: "10.5.219.0/24, 2 peers, in sync". */
  line: string;
  inSync: boolean;
  selvage: { version: string; pid: number; since: string; prefix: string };
  host: Report['host'];
  network: Report['network'];
  regions: { store: RegionStatus; lease: RegionStatus; work: RegionStatus };
  store: Report['source'] & { where: string };
  lease: LeaseStatus | null;
  retries: Retry[];
  held: (HeldEntry & Told)[];
  /** Since the daemon started. */
  counts: { rounds: number; failed: number; found: number; repaired: number; routesLost: number };
  /** The last 100, newest first. */
  rounds: RoundNote[];
  /** All but this host, in the order of their subnets. */
  peers: PeerStatus[];
}
