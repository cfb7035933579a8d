/**
 * Owns what is to be copied from one of etcd's APIs to the other: what is there and missing on the other side, and nothing else.
 *
 * - What the other side has stays, whatever it says; what differs is named.
 * - A lease that can't be read, has ended, or overlaps another one over there is not copied.
 * - The config comes last: hosts that wait for it then find the leases.
 */

import { overlaps } from '../../config/ipv4.ts';
import { parseLeaseAttrs } from '../../config/lease.ts';
import { configKey, parseLeaseKey } from '../../config/lease-key.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import type { StoreRecord, StoreSnapshot } from '../contracts/source.ts';
import { isPermanent } from '../contracts/source.ts';

export interface MigrationEntry {
  key: string;
  /**
   * copy: to be made there. same: it is there. differs: the other side says something else. unfit: it can't be copied.
   * copied: made. exists: somebody made it meanwhile.
   */
  action: 'copy' | 'same' | 'differs' | 'unfit' | 'copied' | 'exists';
  /** Seconds; null for what is permanent. */
  timeLeft: number | null;
  value: string;
  /** What the other side has. */
  there?: string;
  /** For unfit: why, in a sentence. */
  problem?: string;
}

export interface MigrationDocument {
  version: 1;
  applied: boolean;
  from: { kind: string; where: string; revision: string };
  to: { kind: string; where: string; revision: string };
  entries: MigrationEntry[];
}

/** `timeLeft`: seconds by lease id of `from`; undefined for one that has ended. */
export function planMigration(
  prefix: string,
  from: StoreSnapshot,
  to: StoreSnapshot,
  timeLeft: ReadonlyMap<string, { ttlSeconds: number } | undefined>,
): MigrationEntry[] {
  const there = new Map(to.leases.map((record) => [record.key, record.value]));
  if (to.config) there.set(configKey(prefix), to.config.value);
  const entry = (record: StoreRecord, problem: string | undefined, left: number | null): MigrationEntry => {
    const { key, value } = record;
    const other = there.get(key);
    const base = { key, timeLeft: left, value };
    if (other !== undefined) return { ...base, action: other === value ? 'same' : 'differs', there: other };
    return problem === undefined ? { ...base, action: 'copy' } : { ...base, action: 'unfit', problem };
  };
  const leases = from.leases.map((record) => {
    const left = isPermanent(record) ? null : (timeLeft.get(record.leaseId)?.ttlSeconds ?? 0);
    return entry(record, left === 0 ? 'It has ended.' : leaseProblem(record, to.leases), left);
  });
  leases.sort((a, b) => (a.key < b.key ? -1 : 1));
  return from.config ? [...leases, entry(from.config, configProblem(from.config.value), null)] : leases;
}

function leaseProblem({ key, value }: StoreRecord, others: readonly StoreRecord[]): string | undefined {
  const subnet = parseLeaseKey(key)?.subnet;
  if (subnet === undefined) return 'Its key is no lease key.';
  try {
    parseLeaseAttrs(value);
  } catch (error) {
    return (error as Error).message;
  }
  const rival = others.find((other) => {
    const taken = parseLeaseKey(other.key)?.subnet;
    return taken !== undefined && overlaps(subnet, taken);
  });
  return rival && `It overlaps ${rival.key}, which is there.`;
}

function configProblem(value: string): string | undefined {
  try {
    parseNetworkConfig(value);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
