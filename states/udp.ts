/** Owns what the report says of the udp engine. A companion that only looks: the engine is started and ended as its device is (drivers/udp/). */
import type { CompanionSections } from '../reconciler/contracts/report.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { TUN_DEVICE } from '../reconciler/tunnels/tun.ts';
import { type Companion, type CompanionInterest, type CompanionReport, isConcerned, type Looked } from './companion.ts';

export type UdpSection = NonNullable<CompanionSections['udp']>;

export class UdpCompanion implements Companion {
  readonly name = 'udp';
  readonly wakeAt = undefined;
  readonly #section: () => Promise<UdpSection | undefined>;
  #isWanted = false;
  #last: UdpSection | undefined;

  /** `section`: what the engine says now; undefined if there is none of ours. */
  constructor(section: () => Promise<UdpSection | undefined>) {
    this.#section = section;
  }

  interests(): CompanionInterest {
    return { devices: this.#isWanted ? [TUN_DEVICE] : [], files: [] };
  }

  /** Every round that has to do with the device tells how the engine is by now. */
  async lookFor(desired: Desired, scope: Scope): Promise<Looked | undefined> {
    this.#isWanted = desired.wants.has(`link ${TUN_DEVICE}`);
    if (!this.#isWanted) this.#last = undefined;
    if (!this.#isWanted || !isConcerned(this, scope)) return undefined;
    this.#last = await this.#section();
    return { files: [] };
  }

  decide(): boolean {
    return false;
  }

  async act(): Promise<void> {}

  report(): CompanionReport {
    return { held: [], drift: [], outcomes: [], sections: this.#last ? { udp: this.#last } : {} };
  }

  close(): void {}
}
