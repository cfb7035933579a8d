/**
 * Owns how often each peer's route was lost: found missing or altered although an earlier round had it right. What is new is not lost, nor
 * what could not be made before.
 */
import type { Report } from '../reconciler/contracts/report.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import type { Mirror } from '../reconciler/store/mirror.ts';

export interface Loss {
  count: number;
  /** ms since the epoch. */
  at: number;
}

export class LostRoutes {
  total = 0;
  readonly #bySubnet = new Map<string, Loss>();
  /** Keys of routes that were not as they should be after the last round that looked at them. */
  readonly #unmade = new Set<string>();
  /** What the round before this one worked towards, and the store's revision when it began. */
  #before: { desired: Desired | undefined; revision: number } | undefined;

  of(subnet: string): Loss | undefined {
    return this.#bySubnet.get(subnet);
  }

  /** Takes a round in. `revision`: the store's when the round began. */
  note(
    { drift, outcomes, held }: Report,
    desired: Desired | undefined,
    mirror: Mirror,
    revision: number,
    at: number,
  ): void {
    const before = this.#before;
    this.#before = { desired, revision };
    // After a change of the config, of the lease or of this host all wants are new.
    const isSame = before !== undefined && before.desired === desired;
    for (const { kind, key, op, peer } of drift) {
      if (!isSame || kind !== 'route' || op === 'delete' || !peer || this.#unmade.has(key)) continue;
      const lease = mirror.leases.get(peer.subnet);
      if (lease && lease.modRevision <= before.revision) this.#lost(peer.subnet, at);
    }
    for (const { kind, key, result } of outcomes) {
      if (kind !== 'route') continue;
      if (result === 'failed' || result === 'blocked') this.#unmade.add(key);
      else if (this.#unmade.size > 0) this.#unmade.delete(key);
    }
    for (const { kind, key } of held) if (kind === 'route') this.#unmade.add(key);
    const most = 2 * mirror.leases.size + 64;
    if (this.#bySubnet.size > most) this.#forgetGone(mirror);
    if (this.#unmade.size > most)
      for (const key of this.#unmade) if (!desired?.wants.has(`route ${key}`)) this.#unmade.delete(key);
  }

  #lost(subnet: string, at: number): void {
    this.total++;
    const loss = this.#bySubnet.get(subnet);
    if (loss) Object.assign(loss, { count: loss.count + 1, at });
    else this.#bySubnet.set(subnet, { count: 1, at });
  }

  /** Of peers that have left nobody asks. */
  #forgetGone(mirror: Mirror): void {
    for (const subnet of this.#bySubnet.keys()) if (!mirror.leases.has(subnet)) this.#bySubnet.delete(subnet);
  }
}
