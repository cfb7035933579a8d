/** Owns made-up records of a store for tests of what reads them. */
import type { Lease } from '../../config/model.ts';
import type { StoreChange, StoreRecord, StoreSnapshot } from '../../reconciler/contracts/source.ts';
import { readLease, readLeaseKey } from '../../reconciler/lease/read.ts';

export const PREFIX = '/coreos.com/network';
export const CONFIG_KEY = `${PREFIX}/config`;
const SUBNETS = `${PREFIX}/subnets/`;

export const keyFor = (subnet: string): string => SUBNETS + subnet.replace('/', '-');

export interface LeaseParts {
  subnet: string;
  /** Numbers the host, its address and its MAC. */
  host: number;
  revision: number;
  created?: number;
  leaseId?: string;
  value?: string;
}

export const addressOf = (host: number): string => `192.168.${host >> 8}.${host & 255}`;
export const macOf = (host: number): string =>
  `02:00:00:00:${(host >> 8).toString(16).padStart(2, '0')}:${(host & 255).toString(16).padStart(2, '0')}`;

export const valueFor = (host: number): string =>
  `{"PublicIP":"${addressOf(host)}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${macOf(host)}"}}`;

export function leaseRecord({ subnet, host, revision, created, leaseId, value }: LeaseParts): StoreRecord {
  return {
    key: keyFor(subnet),
    value: value ?? valueFor(host),
    modRevision: revision,
    createRevision: created ?? revision,
    leaseId: leaseId ?? String(1000 + host),
  };
}

/** The lease that the mirror makes of such a record; throws if it makes none. */
export function leaseOf(parts: LeaseParts): Lease {
  const record = leaseRecord(parts);
  const key = readLeaseKey(SUBNETS, record.key);
  if (key.problem) throw new Error(key.problem.detail);
  const lease = readLease(key, record);
  if ('detail' in lease) throw new Error(lease.detail);
  return lease;
}

export const configRecord = (value: string, revision = 1): StoreRecord => ({
  key: CONFIG_KEY,
  value,
  modRevision: revision,
  createRevision: 1,
  leaseId: '0',
});

export const CONFIG = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';

export function snapshotOf(parts: Partial<StoreSnapshot>): StoreSnapshot {
  return { clusterId: 'one', revision: 100, config: configRecord(CONFIG), leases: [], ...parts };
}

export const put = (record: StoreRecord): StoreChange => ({ op: 'put', record });
export const remove = (key: string, modRevision: number): StoreChange => ({ op: 'delete', key, modRevision });
