/**
 * Owns the report: the one answer of a round (docs/design.md#the-answer). Logs, JSON, tables, metrics and the exit code are all made from it.
 * `version` changes when a field changes its meaning or goes away; adding one doesn't change it.
 */

import type { Kind } from '../kinds/index.ts';
import type { StoreErrorKind } from './failure.ts';
import type { CompanionName } from './scope.ts';

export type Op = 'create' | 'update' | 'delete';
/** What can stand in a report: resources, companions, what is in a cloud, and what has no driver. */
export type ReportKind = Kind | CompanionName | CloudKind | 'lease' | 'config' | 'peer' | 'store' | 'sysctl';
/** What is in a cloud (cloud/model.ts); `cloud-host`: what is said of this host there. */
export type CloudKind = 'cloud-route' | 'source-dest-check' | 'cloud-host';

export interface DriftEntry {
  op: Op;
  kind: ReportKind;
  key: string;
  reason: string;
  /** For an update: what differs. */
  fields?: string[];
  want?: unknown;
  have?: unknown;
  /** The process that had changed it, where the kernel tells (nf_tables does), and the round has put it back. */
  by?: Culprit;
}

export interface Culprit {
  /** As the kernel knows it (comm), cleaned: "nft". */
  name: string;
  pid: number;
}

/** What people are told of an entry beside its key. */
export interface Told {
  /** As `ip`, `bridge` or `ls` print it. */
  text: string;
  /** The host that it is there for. */
  peer?: { subnet: string; publicIP: string };
}

export interface HeldEntry {
  kind: ReportKind;
  key: string;
  /** A few words: "foreign route", "malformed lease", "contested", "backing off". */
  why: string;
  /** One sentence: what it is, and what to do. */
  detail: string;
  /**
   * True if because of it this host lacks something that etcd says it should have, or may come to lack it unnoticed: then the host is not converged. False where the fault
   * is in a record: nothing on this host can mend that, and one bad lease must not make a run fail on every host.
   */
  unmet: boolean;
}

/** What companions tell of themselves, each under its name. Absent where there is nothing to say. */
export interface CompanionSections {
  /** What is seen of Docker. Absent with --docker off, and where there is neither an engine nor its bridge. */
  docker?: {
    mode: string;
    engine: { version: string; liveRestore: boolean; containers: number } | null;
    bridge: { name: string; address: string; mtu: number; ipMasq: boolean } | null;
  };
  /** The udp engine, as it was before the round. Absent where there is none, or the config asks for none. */
  udp?: {
    pid: number;
    /** ISO time of its start. */
    since: string;
    /** "192.168.64.2:8285" */
    listens: string;
    peers: number;
    /** Since its start. */
    sent: { packets: number; bytes: number };
    received: { packets: number; bytes: number };
    /** Packets by cause; those that there were. */
    drops: Record<string, number>;
    /** Which of the kernel's offloads it does without. */
    without: string[];
    /** What it could not give up; [] if it has no rights. */
    rightsKept: string[];
  };
  /** What packets to peers have shown (--probe-interval). Absent where none are sent. */
  probes?: {
    /** Between two peers, ms. */
    everyMs: number;
    /** Peers that were asked since the daemon's start. */
    asked: number;
    /** none: nothing came back; tcp: ICMP passes and TCP doesn't. `since`: ISO time. */
    unreachable: { subnet: string; publicIP: string; lacks: 'none' | 'tcp'; since: string }[];
  };
}

export interface Report extends CompanionSections {
  version: 1;
  mode: 'once' | 'drift' | 'run' | 'leave';
  /** What `selvage leave` was asked for. */
  leave?: { handBack: boolean; releaseLease: boolean; dryRun: boolean };
  at: string;
  durationMs: number;
  host: { hostname: string; iface: string; publicIP: string };
  source: {
    /** "cache": the last good copy, because the store can't be reached. */
    kind: string;
    revision: string;
    complete: boolean;
    leases: number;
    /** How old the last good copy is: seconds since the store was last heard from. */
    ageSeconds?: number;
    /** Why the store could not be asked. */
    error?: { kind: StoreErrorKind; message: string };
  };
  network: { network: string; subnet: string; backend: string; mtu: number };
  drift: (DriftEntry & Told)[];
  outcomes: { kind: ReportKind; key: string; op: Op; result: 'done' | 'noop' | 'failed' | 'blocked'; error?: string }[];
  held: (HeldEntry & Told)[];
  summary: { create: number; update: number; delete: number; held: number; failed: number };
  converged: boolean;
}
