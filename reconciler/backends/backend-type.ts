/**
 * Owns the contract of a type of backend: what can be said of its leases and of its devices whatever the config is. All that the rest of the
 * code asks about what other hosts have written, what this host shows and what earlier configs have left is asked here.
 *
 * - The other half, a backend as a config asks for it, is backend.ts. A type is one constant; index.ts lists them.
 * - What a type doesn't have (data in its leases, a device) it leaves out; index.ts says what that means.
 */
import type { BackendConfig, LeaseAttrs } from '../../config/model.ts';
import type { Link, Route } from '../kinds/index.ts';
import type { Backend } from './backend.ts';

/** What there is of ours on this host, found by a look at it: what a process that has just started knows of its past. */
export interface Seen {
  /** Our devices. */
  readonly links: readonly Link[];
  /** Our routes, by their mark, that leave by the external interface without a tunnel; empty if nothing needs them listed (states/paths-seen.ts). */
  readonly directRoutes: readonly Route[];
  /** Types of backends (BackendType.type) that reach some host without their tunnel, as DirectRouting does: there is a direct route for a lease that names it. */
  readonly directTypes: ReadonlySet<string>;
}

/** What a lease says beside its address, under the names that `selvage leases` gives it. */
export interface LeaseData {
  vtepMAC?: string;
  vni?: number;
  /** Why the lease can't be used, one sentence. */
  problem?: string;
}

export interface BackendType {
  /** As a config names it, in lower case ("udp"). */
  readonly name: string;
  /** BackendType of its leases, to the letter; "" for a backend whose leases have none. */
  readonly type: string;
  /** The backend that a config asks for; undefined if it asks for another, or if we don't run this one. */
  backendFor(config: BackendConfig): Backend | undefined;

  /** The path that a lease of this type names (desired/paths.ts); undefined for one that leaves it open: it means whichever the reader has. */
  pathOf(attrs: LeaseAttrs): string | undefined;
  /**
   * What no two hosts of a network have, as a lease of this type names it: the MAC of a VTEP, a public key. By it a host knows its own lease
   * under another address. Undefined if the lease names none that can be used.
   */
  identityOf?(attrs: LeaseAttrs): string | undefined;
  /** Whether flannel's readers take the same way to a host from two leases of this type. Left out: they read no data. */
  isSameWay?(have: LeaseAttrs, want: LeaseAttrs): boolean;
  /** A short way through a lease's value in the form that flannel writes (lease/written-form.ts); undefined for any other form. */
  readWritten?(value: string): LeaseAttrs | undefined;
  /** For people. */
  dataOf?(attrs: LeaseAttrs): LeaseData;
  /** What a lease of the config's type says otherwise than the config, a sentence. */
  mismatch?(attrs: LeaseAttrs, config: BackendConfig): string | undefined;

  /**
   * Keys of the config that an older flannel is known to ignore, if this lease shows that such a one may have written it; what shows it is
   * `sign`, the end of a sentence about the lease. Undefined for a lease that shows nothing of the kind.
   */
  olderFlannel?(attrs: LeaseAttrs, config: BackendConfig): { sign: string; ignores: string[] } | undefined;

  /** The backends of this type by which this host was reached, judged from what is there. */
  seenOn(seen: Seen): Backend[];
  /** Whether `seenOn` looks at routes: there may be many, and they are listed only if a lease names this type. */
  readonly seenByRoutes?: boolean;
  /**
   * The one backend of this type, where it needs no device and no options: nothing on the host need show it, so our own lease or the last
   * good copy is believed that this host was reached so.
   */
  readonly unseen?: Backend;
}
