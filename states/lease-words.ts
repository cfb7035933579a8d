/** Owns what is said of leases that are not as they should be. */
import type { Lease } from '../config/model.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { StoreError } from '../reconciler/contracts/source.ts';

/** After `times` races in a row. */
export function lostTooOften(times: number, where: string): StoreError {
  const why = `${times} times in a row somebody else was first with a subnet that the listing showed as free`;
  const cure = `if that goes on, see whether ${where} is behind its cluster`;
  return new StoreError('unavailable', `No lease could be taken: ${why}; ${cure}.`);
}

export function otherLease(lease: Lease): HeldEntry {
  const detail = `${lease.key} also names this host's public IP ${lease.attrs.publicIP}; only one lease is used, so delete it, or give the other host its own --public-ip.`;
  return { kind: 'lease', key: lease.key, why: 'second lease of this host', detail, unmet: false };
}
