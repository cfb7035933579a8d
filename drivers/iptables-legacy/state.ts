/**
 * Owns the look at iptables-legacy's tables: which there are, and what is in them, by getsockopt. No process is started.
 *
 * - /proc/net/ip_tables_names is read first: asking the kernel about a table that isn't there would make it, hooks and all.
 * - It tells nobody of a change, so that one is only seen by looking again: `fingerprint` is what to compare.
 */
import { readFileSync } from 'node:fs';
import type { Rule } from '../../reconciler/firewall/rule.ts';
import type { ChainView } from '../../reconciler/firewall/ruleset.ts';
import { EAGAIN, errnoName } from '../netlink/errno.ts';
import { errno, libc } from '../netlink/libc.ts';
import { inNetns } from '../netlink/netns.ts';
import { type RawRule, readEntries, type TableInfo } from './blob.ts';

export type LegacyTable = 'filter' | 'nat' | 'raw';

export interface LegacyState {
  tables: Map<LegacyTable, ReadonlyMap<string, ChainView>>;
  /** Why a table that is there could not be read, as a sentence. */
  problem?: string;
}

const TABLES: readonly LegacyTable[] = ['filter', 'nat', 'raw'];
const AF_INET = 2;
/** Any IPv4 socket will do; a raw one, as iptables takes, would need CAP_NET_RAW too. */
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_IP = 0;
const IPT_SO_GET_INFO = 64;
const IPT_SO_GET_ENTRIES = 65;
const NAME_BYTES = 32;
const INFO_BYTES = 84;
/** struct ipt_get_entries: name, size, and padding to 8. */
const ENTRIES_AT = 40;
const NO_HOOK = 0xffffffff;
const ATTEMPTS = 5;
const COUNTERS_AT = 96;

/** Names of the tables that are in force in a namespace (our own if undefined). */
export function tablesInForce(netns: string | undefined): LegacyTable[] {
  let names: string;
  try {
    names = inNetns(netns, () => readFileSync('/proc/thread-self/net/ip_tables_names', 'utf8'));
  } catch {
    return []; // a kernel without them
  }
  return TABLES.filter((table) => names.split('\n').includes(table));
}

/** What is in the tables; `raw` as readEntries has it. */
export function readLegacy(netns: string | undefined, raw?: Map<Rule, RawRule>): LegacyState {
  const state: LegacyState = { tables: new Map() };
  withTables(
    netns,
    (fd, table) => {
      const read = readTable(fd, table);
      if (typeof read === 'number') state.problem = sentence(table, read);
      else state.tables.set(table, readEntries(read.blob, read.info, raw));
    },
    (problem) => (state.problem = problem),
  );
  return state;
}

/** Changes when a rule or a policy of any table does; "" where there are none. */
export function fingerprint(netns: string | undefined): string {
  const parts: string[] = [];
  withTables(
    netns,
    (fd, table) => {
      const read = readTable(fd, table);
      if (typeof read === 'number') return;
      for (let at = 0; at + COUNTERS_AT + 16 <= read.blob.length; ) {
        read.blob.fill(0, at + COUNTERS_AT, at + COUNTERS_AT + 16);
        const next = read.blob[at + 90]! | (read.blob[at + 91]! << 8);
        if (next < COUNTERS_AT) break;
        at += next;
      }
      parts.push(table, read.blob.toString('base64'));
    },
    () => undefined,
  );
  return parts.join(' ');
}

function withTables(
  netns: string | undefined,
  each: (fd: number, table: LegacyTable) => void,
  failed: (problem: string) => void,
): void {
  const tables = tablesInForce(netns);
  if (tables.length === 0) return;
  const fd = inNetns(netns, () => libc().socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0));
  if (fd < 0) return failed(sentence(tables[0]!, errno()));
  try {
    for (const table of tables) each(fd, table);
  } finally {
    libc().close(fd);
  }
}

const sentence = (table: string, number: number): string =>
  `iptables-legacy's table ${table} could not be read (${errnoName(number)})${errnoName(number) === 'EPERM' ? ': that takes CAP_NET_ADMIN' : ''}.`;

/** An errno if it can't be read. */
function readTable(fd: number, table: LegacyTable): { info: TableInfo; blob: Buffer } | number {
  let number = EAGAIN;
  // EAGAIN: it has grown between the two questions.
  for (let attempt = 0; attempt < ATTEMPTS && number === EAGAIN; attempt++) {
    const info = Buffer.alloc(INFO_BYTES);
    info.write(table, 'latin1');
    if (libc().getsockopt(fd, SOL_IP, IPT_SO_GET_INFO, info, Uint32Array.of(INFO_BYTES)) < 0) return errno();
    const words = new Uint32Array(info.buffer, info.byteOffset, INFO_BYTES / 4);
    const at = NAME_BYTES / 4;
    const valid = words[at]!;
    const hooks = (from: number): number[] =>
      [0, 1, 2, 3, 4].map((hook) => (valid & (1 << hook) && words[from + hook] !== NO_HOOK ? words[from + hook]! : -1));
    const size = words[at + 12]!;
    const blob = Buffer.alloc(ENTRIES_AT + size);
    blob.write(table, 'latin1');
    blob.set(new Uint8Array(Uint32Array.of(size).buffer), NAME_BYTES);
    if (libc().getsockopt(fd, SOL_IP, IPT_SO_GET_ENTRIES, blob, Uint32Array.of(blob.length)) === 0) {
      const table_ = { hookEntry: hooks(at + 1), underflow: hooks(at + 6), entries: words[at + 11]!, size };
      return { info: table_, blob: blob.subarray(ENTRIES_AT) };
    }
    number = errno();
  }
  return number;
}
