/**
 * Owns the companion that asks peers by real packets, one at a time (--probe-interval), and reports who is unreachable. It changes nothing, and
 * a round never waits for it.
 */
import { byText } from '../config/by-text.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import type { Desired } from '../reconciler/desired/desired.ts';
import { addressOn } from '../reconciler/doctor/targets.ts';
import { type Prober, type ProbeTarget, Turn, unreachableEntry } from '../reconciler/probe/turn.ts';
import { type Companion, type CompanionInterest, type CompanionReport, isConcerned, type Looked } from './companion.ts';
import type { Clock } from './deps.ts';

export interface ProbeDeps {
  clock: Clock;
  /** Between two peers, ms. */
  everyMs: number;
  prober: Prober;
}

export class ProbeCompanion implements Companion {
  readonly name = 'probe';
  readonly wakeAt = undefined;
  readonly #deps: ProbeDeps;
  readonly #turn = new Turn();
  #desired: Desired | undefined;
  /** Of #desired, sorted by subnet; undefined: to be made. */
  #targets: readonly ProbeTarget[] | undefined;
  #asked = 0;
  /** Of #targets. */
  #addresses: ReadonlySet<string> = new Set();

  constructor(deps: ProbeDeps) {
    this.#deps = deps;
  }

  interests(): CompanionInterest {
    return { devices: [], files: [] };
  }

  watch(changed: () => void): () => void {
    const ending = new AbortController();
    void this.#go(changed, ending.signal);
    return () => ending.abort();
  }

  async #go(changed: () => void, signal: AbortSignal): Promise<void> {
    const { clock, everyMs } = this.#deps;
    try {
      for (;;) {
        await clock.sleep(everyMs, signal);
        if (await this.#askNext(signal)) changed();
      }
    } catch {
      // It was stopped.
    }
  }

  async #askNext(signal: AbortSignal): Promise<boolean> {
    if (!this.#targets && this.#desired) this.#follow(this.#desired);
    const target = this.#turn.next(this.#targets ?? []);
    if (!target) return false;
    const answers = await this.#deps.prober.ask(target);
    if (signal.aborted) return false;
    this.#asked++;
    return this.#turn.note(target, answers, this.#deps.clock.now());
  }

  #follow(desired: Desired): void {
    const hasDevice = isTunnelled(desired);
    this.#targets = desired
      .peerLeases()
      .map(({ subnet, attrs }) => ({ subnet, publicIP: attrs.publicIP, address: addressOn(subnet, hasDevice) }))
      .sort((a, b) => byText(a.subnet, b.subnet));
    this.#addresses = new Set(this.#targets.map(({ address }) => address));
    const own = addressOn(desired.context.own.subnet, hasDevice);
    this.#deps.prober.serve(own, (address) => this.#addresses.has(address));
  }

  async lookFor(desired: Desired, scope: Scope): Promise<Looked | undefined> {
    if (desired !== this.#desired || scope.all || scope.peers.size) this.#targets = undefined;
    this.#desired = desired;
    return isConcerned(this, scope) ? { files: [] } : undefined;
  }

  decide(): boolean {
    return false;
  }

  async act(): Promise<void> {}

  report(): CompanionReport {
    const unreachable = this.#turn.unreachable((subnet) => this.#desired?.leaseOf(subnet)?.attrs.publicIP);
    const probes = {
      everyMs: this.#deps.everyMs,
      asked: this.#asked,
      unreachable: unreachable.map(({ since, ...peer }) => ({ ...peer, since: new Date(since).toISOString() })),
    };
    return { held: unreachable.map(unreachableEntry), drift: [], outcomes: [], sections: { probes } };
  }

  close(): void {
    this.#deps.prober.close();
  }
}

const isTunnelled = ({ backend, context: { config, host } }: Desired): boolean =>
  (backend?.deviceNames({ config, host }).length ?? 0) > 0;
