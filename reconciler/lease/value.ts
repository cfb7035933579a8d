/**
 * Owns the text of the own lease, and whether the one that is there has to be written again.
 * A rewrite wakes every host of the network, so it is only made if somebody would read something else from it.
 */
import { ConfigError } from '../../config/errors.ts';
import { formatLeaseAttrs, formatLeaseAttrsV2, parseLeaseAttrs } from '../../config/lease.ts';
import type { Lease, LeaseAttrs } from '../../config/model.ts';
import { isSameData, isSameWay } from '../backends/index.ts';
import type { Source } from '../contracts/source.ts';

export interface OwnAttrs {
  publicIP: string;
  /** Backend.type and Backend.backendData. */
  backendType: string;
  backendData?: unknown;
}

/** The value as flannel writes it for a host without IPv6: v0.28's form, or v0.11's for a store of the v2 API. */
export const leaseValue = (own: OwnAttrs, form: Source['leaseForm'] = 'v3'): string =>
  (form === 'v2' ? formatLeaseAttrsV2 : formatLeaseAttrs)({ ...own, publicIPv6: null });

/**
 * Whether readers of flannel's would take anything else from `text` than from the lease as it is. Spelling and field order are no
 * difference, nor is what the backend says that nobody reads (BackendType.isSameWay).
 */
export function needsRewrite(lease: Lease, text: string): boolean {
  if (lease.value === text) return false;
  try {
    return !saysTheSame(parseLeaseAttrs(lease.value), parseLeaseAttrs(text));
  } catch (error) {
    // The lease's last good value is in force, but what the store has now is unreadable.
    if (error instanceof ConfigError) return true;
    throw error;
  }
}

/** Whether two values name one way to the host: then the word of it may go out before anything is built. */
export function namesSameWay(have: LeaseAttrs, text: string): boolean {
  return isSameWay(have, parseLeaseAttrs(text));
}

function saysTheSame(have: LeaseAttrs, want: LeaseAttrs): boolean {
  if (have.publicIP !== want.publicIP || have.publicIPv6 !== want.publicIPv6) return false;
  return have.backendV6Data === undefined && isSameData(have, want);
}
