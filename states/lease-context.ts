/** Owns what a lease is chosen and written for: the state of the store and of this host, as states/own-lease.ts is given it. */
import type { Lease, LeaseAttrs } from '../config/model.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import type { Guards } from '../reconciler/desired/guards.ts';
import type { Mirror } from '../reconciler/store/mirror.ts';

export interface LeaseContext {
  mirror: Mirror;
  publicIP: string;
  /** What this host must go on reaching. */
  guards?: Guards;
  /** By which this host knows a lease for its own (BackendType.identityOf): its own devices' MACs, as they were when this process started. */
  identities: ReadonlySet<string>;
  /** All IPv4 addresses of this host. */
  addresses?: readonly string[];
  /** The subnet that this host had, as its last good copy tells. */
  rememberedSubnet?: string | undefined;
  /** The value's text that this host wants in `lease` (or in a new one), byte for byte as flannel writes it. */
  valueFor(lease: Lease | undefined): Promise<string>;
  /** The text that names the way that `lost` named, for as long as this host is still reached there; undefined: it isn't. Absent: never. */
  standingValueFor?(lost: Lease): string | undefined;
  /** What stands in the way of this host's devices: then no lease is taken for which nobody could reach it. */
  obstacles?(): Promise<HeldEntry[]>;
  /** Called before our lease, which says `attrs`, is made to name another way. Absent: nobody has to know. */
  beforeMove?(attrs: LeaseAttrs): Promise<void>;
  /** Whether this host can already be reached in the way that `valueFor` says. */
  isBuilt(): boolean;
}
