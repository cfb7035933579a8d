/**
 * Owns the cloud as a companion of the rounds: what of it is told in reports, when its pass (keeper.ts) is made, and what waits for that.
 *
 * - A pass is its act: it takes seconds, and routes are repaired meanwhile. A drift report looks in the round, and writes nothing.
 * - A host tells others of its way through the cloud, and gives up earlier ways to those who are there already, once the cloud has shown it.
 */

import type { Outcome } from '../../reconciler/contracts/driver.ts';
import type { HeldEntry, Report } from '../../reconciler/contracts/report.ts';
import { everything, mergeScope, type Scope } from '../../reconciler/contracts/scope.ts';
import type { Desired } from '../../reconciler/desired/desired.ts';
import {
  type Companion,
  type CompanionInterest,
  type CompanionReport,
  isConcerned,
  type Looked,
} from '../companion.ts';
import { CloudKeeper, type KeeperDeps } from './keeper.ts';

/** BackendType of leases of hosts in a cloud. */
const CLOUD_TYPE = '';

export class CloudCompanion implements Companion {
  readonly name = 'cloud';
  readonly #keeper: CloudKeeper;
  /** A drift report: looks, and writes nothing. */
  readonly #isReport: boolean;
  readonly #ending = new AbortController();
  #leases = () => ({ leased: new Set<string>() as ReadonlySet<string>, complete: false });
  #news: Pick<Report, 'drift' | 'outcomes'> = { drift: [], outcomes: [] };
  #wasInForce = false;

  constructor(deps: KeeperDeps, isReport: boolean) {
    this.#keeper = new CloudKeeper(deps);
    this.#isReport = isReport;
  }

  get wakeAt(): number | undefined {
    return this.#keeper.wakeAt;
  }

  interests(): CompanionInterest {
    return { devices: [], files: [] };
  }

  async lookFor(desired: Desired, scope: Scope, isStoreHeard: () => boolean): Promise<Looked | undefined> {
    const want = desired.cloudWant();
    if ((!want && !this.#keeper.isConcerned) || !isConcerned(this, scope)) return undefined;
    this.#keeper.want(want);
    this.#leases = () => ({ leased: desired.leasedSubnets(), complete: desired.complete && isStoreHeard() });
    if (this.#isReport) await this.#keeper.pass(this.#leases, false, this.#ending.signal);
    this.#news = this.#keeper.takeNews();
    const { inForce } = this.#keeper;
    // What has waited for it is looked at in this very round.
    if (inForce !== this.#wasInForce) mergeScope(scope, everything());
    this.#wasInForce = inForce;
    return { files: [] };
  }

  decide(outcomes: readonly Outcome[] | undefined): boolean {
    return outcomes !== undefined && this.#keeper.isDue;
  }

  async act(): Promise<void> {
    await this.#keeper.pass(this.#leases, true, this.#ending.signal);
  }

  isPathBuilt(desired: Desired): boolean {
    return !desired.backend?.cloud || this.#keeper.inForce;
  }

  keptSubnets(desired: Desired): readonly string[] {
    return this.isPathBuilt(desired) ? [] : desired.subnetsOfType(CLOUD_TYPE);
  }

  report(): CompanionReport {
    const held: readonly HeldEntry[] = this.#keeper.held;
    return { held, ...this.#news, sections: {} };
  }

  close(): void {
    this.#ending.abort();
  }
}
