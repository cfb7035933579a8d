/** Owns the keys of a network in etcd v3 and the shape that its records have outside of this driver. */
import type { IKeyValue } from 'etcd3';
import { configKey, subnetsPrefix } from '../../config/lease-key.ts';
import type { StoreRecord } from '../../reconciler/contracts/source.ts';

export interface Keys {
  config: string;
  /** "<prefix>/subnets/". flannel lists and watches without the slash and so takes "<prefix>/subnets-old/…" for leases; we don't. */
  leases: string;
}

export const keysOf = (prefix: string): Keys => ({ config: configKey(prefix), leases: `${subnetsPrefix(prefix)}/` });

/** etcd's range of all keys that start with `under`, which ends with a slash: up to the same with that last byte one higher. */
export const rangeUnder = (under: string): { key: Buffer; range_end: Buffer } => ({
  key: Buffer.from(under),
  range_end: Buffer.from(`${under.slice(0, -1)}0`),
});

export const leaseRange = ({ leases }: Keys): { key: Buffer; range_end: Buffer } => rangeUnder(leases);

/** Copies the text out, so that the reply's buffer can go. Bytes that are no UTF-8 become U+FFFD: such a value can't be parsed anyway. */
export const toRecord = (kv: IKeyValue): StoreRecord => ({
  key: kv.key.toString(),
  value: kv.value.toString(),
  modRevision: Number(kv.mod_revision),
  createRevision: Number(kv.create_revision),
  leaseId: kv.lease,
});
