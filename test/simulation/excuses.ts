/**
 * Owns what the documentation says costs packets, or a host its subnet: whoever it is about is excused until the fleet is at peace again.
 * All else that is lost by something that the product wrote is a fault of the product.
 */
import type { SimulatedHost } from './host.ts';

/**
 * An earlier path goes when no live lease has named it for thirty seconds (reconciler/desired/paths.ts, SETTLE): who heard nothing of the
 * store for about as long, while hosts moved, may still send there.
 */
const BEHIND_MS = 25_000;

export class Excuses {
  #everybody: string | undefined;
  readonly #hosts = new Map<SimulatedHost, string>();
  /** Hosts go from one path to another: docs/backends.md#how-a-network-moves-without-losing-a-packet. */
  #isMoving = false;
  /** The store lacks leases that it had: who comes to it then may take a subnet that is in use. */
  #isForgetful = false;
  /** Hosts whose clock was set: the thirty seconds and the grace are of that clock. */
  readonly #jumped = new Set<SimulatedHost>();
  /** Hosts with a device that somebody has just damaged: who moves onto it in that moment, as the config says, finds it dead. */
  readonly #damaged = new Set<SimulatedHost>();
  /** The port that the tunnel of each VNI has had since the last peace. */
  readonly #ports = new Map<number, number>();
  readonly #away = new Map<SimulatedHost, { since: number | undefined; longest: number }>();

  everybody(why: string): void {
    this.#everybody ??= why;
  }

  of(host: SimulatedHost, why: string): void {
    if (!this.#hosts.has(host)) this.#hosts.set(host, why);
  }

  moving(): void {
    this.#isMoving = true;
  }

  /** The config has, or had, a tunnel of that VNI on that port: on another one its device is made anew under the same name. */
  tunnel(vni: number, port: number): void {
    const before = this.#ports.get(vni) ?? port;
    this.#ports.set(vni, port);
    if (before !== port) this.everybody('a change of Port costs packets (docs/backends.md)');
  }

  jumped(host: SimulatedHost): void {
    this.#jumped.add(host);
  }

  /** @returns what ends it */
  damaged(host: SimulatedHost): () => void {
    this.#damaged.add(host);
    return () => this.#damaged.delete(host);
  }

  forgetful(): void {
    this.#isForgetful = true;
  }

  get isForgetful(): boolean {
    return this.#isForgetful;
  }

  /** To be told often: whether the host hears the store now. */
  note(host: SimulatedHost, hears: boolean, now: number): void {
    const away = this.#away.get(host) ?? { since: undefined, longest: 0 };
    if (hears) away.since = undefined;
    else away.since ??= now;
    away.longest = Math.max(away.longest, now - (away.since ?? now));
    this.#away.set(host, away);
  }

  /** A repair run begins: of a move that the daemon beside it has not heard of the one makes what the other takes away. */
  besides(host: SimulatedHost): void {
    if (this.#isMoving && (host.life?.connection.isDeaf || this.#away.get(host)?.since !== undefined))
      this.of(host, 'a repair run knew of a move that the daemon beside it could not hear of');
  }

  /** Why packets from the one to the other may be lost; undefined: they may not. */
  forPair(from: SimulatedHost, to: SimulatedHost): string | undefined {
    if (this.#damaged.has(from) || this.#damaged.has(to)) return 'a device was damaged by hand a moment ago';
    if (this.#isForgetful && this.#jumped.has(from)) return 'the clock was set by which a lost lease ends';
    return this.#everybody ?? this.#hosts.get(from) ?? this.#hosts.get(to) ?? this.#behind(from, to);
  }

  /** Why a host may lose its subnet. */
  forSeat(host: SimulatedHost): string | undefined {
    return this.#everybody ?? this.#hosts.get(host);
  }

  /** All is well again. */
  clear(): void {
    this.#everybody = undefined;
    this.#hosts.clear();
    this.#isMoving = false;
    this.#isForgetful = false;
    this.#jumped.clear();
    this.#damaged.clear();
    this.#ports.clear();
    this.#away.clear();
  }

  #behind(from: SimulatedHost, to: SimulatedHost): string | undefined {
    if (!this.#isMoving) return undefined;
    if ((this.#away.get(from)?.longest ?? 0) >= BEHIND_MS) return 'the sender heard nothing while others moved';
    return this.#jumped.has(to) ? 'the clock was set while hosts moved' : undefined;
  }
}
