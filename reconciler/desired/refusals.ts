/** Owns why a lease that reads well is not served on this host: its subnet would cut the host off (guards.ts), or nobody can be at its address. */
import type { Lease, NetworkConfig } from '../../config/model.ts';
import type { Guard, Host } from '../contracts/host.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { type Here, hereOf, impossibleAddress, impossiblePeer } from '../lease/address.ts';
import { Guards } from './guards.ts';

/** Held for what it covers. */
export const COVERS = 'would cut this host off';

export class Refusals {
  readonly guards: Guards;
  readonly #config: NetworkConfig;
  readonly #here: Here;

  constructor(config: NetworkConfig, host: Host) {
    this.#config = config;
    this.guards = new Guards(host.guards, config.network);
    this.#here = hereOf(host);
  }

  /** Why a peer's lease is refused. `own`: this host's subnet, where it has one. */
  ofPeer(lease: Lease, own?: string): HeldEntry | undefined {
    const { subnet, attrs } = lease;
    const guard = this.guards.empty ? undefined : this.guards.ofPeer(subnet, own);
    if (guard) {
      const detail = `${subnet} of ${attrs.publicIP} is not served: it overlaps ${guard.what}, which this host would no longer reach; choose another Network.`;
      return { kind: 'peer', key: subnet, why: COVERS, detail, unmet: true };
    }
    const problem = impossibleAddress(this.#config, lease, this.#here);
    if (problem === undefined) return undefined;
    const detail = impossiblePeer(lease, problem);
    return { kind: 'peer', key: subnet, why: 'impossible address', detail, unmet: false };
  }

  /** What is served all the same, and worth knowing. */
  get notices(): HeldEntry[] {
    const { network } = this.#config;
    return this.guards.carved.map(({ what, range }) => {
      const of = what.includes(range) ? what : `${what} (${range})`;
      const detail = `The Network ${network} is a part of ${of}: nobody there with an address in it can be reached from this host; if there is anybody, choose another Network.`;
      return { kind: 'config', key: 'Network', why: 'inside a network of this host', detail, unmet: false };
    });
  }

  /** Why this host's own lease is refused, which is then as good as none. */
  ofOwn({ subnet, key }: Lease): HeldEntry | undefined {
    const guard = this.guards.ofOwn(subnet);
    if (!guard) return undefined;
    const detail = `This host's lease ${subnet} is not used: it overlaps ${guard.what}, which this host would no longer reach; choose another Network.`;
    return { kind: 'lease', key, why: COVERS, detail, unmet: true };
  }
}

/** For the lease that can't be taken. `guard`: what stands against it. */
export const coversAll = (guard: Guard | undefined, config: NetworkConfig): string =>
  `Every free subnet of length /${config.subnetLen} from ${config.subnetMin} to ${config.subnetMax} overlaps what this host must reach${guard ? ` (${guard.what})` : ''}; choose another Network.`;
