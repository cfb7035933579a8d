/**
 * Owns what this host's lease is to say: the way to this host, and the MAC of its VTEP.
 *
 * - One MAC for all paths: whoever still sends on an earlier one, by whichever of our leases, finds it there too.
 */
import type { Lease } from '../config/model.ts';
import type { Backend, NetworkContext } from '../reconciler/backends/backend.ts';
import { identityOf } from '../reconciler/backends/index.ts';
import type { Host } from '../reconciler/contracts/host.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import { chooseMac, deriveMac, vtepMac } from '../reconciler/desired/mac.ts';
import type { Link } from '../reconciler/kinds/index.ts';
import { leaseValue } from '../reconciler/lease/value.ts';
import type { Mirror } from '../reconciler/store/mirror.ts';

/** How this host is to be reached. */
export interface Way extends NetworkContext {
  backend: Backend;
}

export class OwnValue {
  readonly #mirror: Mirror;
  /** Its lease form is asked for each time: with --etcd-api auto it is known once the store has been found. */
  readonly #source: Pick<Source, 'leaseForm'>;
  /** The MAC of this host's VTEP, whichever device it is on. */
  #mac: string | undefined;

  constructor(mirror: Mirror, source: Pick<Source, 'leaseForm'>) {
    this.#mirror = mirror;
    this.#source = source;
  }

  /** The MAC that the VTEP has under our lease `own`; one that names none leaves an earlier path's device as it is. `links`: as for `textFor`. */
  macUnder(own: Lease, way: Way, links: readonly Link[]): string {
    return vtepMac(identityOf(own.attrs)) ?? this.#known(way, links) ?? this.#derived(way);
  }

  /** The text of the value that names `way`. `lease`: the one that says it, or that said it last; `links`: our devices as this process found them. */
  textFor(way: Way, lease: Lease | undefined, links: readonly Link[]): string {
    const known = this.#known(way, links);
    // A clone that takes a lease of its own must not keep the MAC that the other one's lease names.
    const isOthers = lease === undefined && known !== undefined && this.#isOthers(known, way.host);
    this.#mac = chooseMac({
      leaseMac: lease && identityOf(lease.attrs),
      deviceMac: isOthers ? undefined : known,
      derived: this.#derived(way),
    });
    return this.#text(way, this.#mac);
  }

  /** The same for another path of this host than the config's, once the config's has been asked for. */
  textOn(backend: Backend, way: Way): string {
    return this.#text({ ...way, backend }, this.#mac ?? this.#derived(way));
  }

  #known(way: Way, links: readonly Link[]): string | undefined {
    const names = way.backend.deviceNames(way);
    // Not every tunnel's device has a MAC.
    const tunnels = links.filter(({ mac }) => vtepMac(mac) !== undefined);
    return this.#mac ?? (tunnels.find(({ name }) => names.includes(name)) ?? tunnels[0])?.mac;
  }

  #text({ config, host, backend }: Way, mac: string): string {
    const backendData = backend.backendData({ config, host }, mac);
    return leaseValue({ publicIP: host.publicIP, backendType: backend.type, backendData }, this.#source.leaseForm);
  }

  #isOthers(mac: string, { publicIP, addresses = [] }: Host): boolean {
    return this.#mirror.allLeases.some(
      ({ attrs }) =>
        vtepMac(identityOf(attrs)) === vtepMac(mac) &&
        attrs.publicIP !== publicIP &&
        !addresses.includes(attrs.publicIP),
    );
  }

  #derived({ backend, host }: Way): string {
    return deriveMac({ publicIP: host.publicIP, seed: backend.macSeed ?? 0, prefix: this.#mirror.prefix });
  }
}
