/**
 * Owns whose turn it is to be asked by a daemon that probes, and what came of it. Pure: times are passed in.
 *
 * - Peers are asked in turn, by subnet. One that didn't answer is asked once more before the next, and only then counts as unreachable: a
 *   single loss says nothing.
 * - What is known of a peer is forgotten with its lease, and when that names another address.
 */
import { byText } from '../../config/by-text.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { Echo } from '../doctor/probed.ts';

export interface ProbeTarget {
  subnet: string;
  publicIP: string;
  /** Its address on the overlay. */
  address: string;
}

export interface Answers {
  icmp: Echo;
  tcp: Echo;
}

/** Whoever sends the packets. */
export interface Prober {
  /** Never rejects. */
  ask(target: ProbeTarget): Promise<Answers>;
  /** From now on those peers may ask, at that overlay address of this host, whether they are reached from here. */
  serve(address: string, isPeer: (address: string) => boolean): void;
  close(): void;
}

/** none: nothing came back. tcp: ICMP passes and TCP doesn't. */
type Lack = 'none' | 'tcp';

export interface Unreachable {
  subnet: string;
  publicIP: string;
  lacks: Lack;
  /** ms since the epoch. */
  since: number;
}

export class Turn {
  readonly #lacking = new Map<string, Unreachable>();
  /** Subnet of who was asked last. */
  #last = '';
  #again: { subnet: string; lacks: Lack } | undefined;

  /** `targets`: sorted by subnet, as text. */
  next(targets: readonly ProbeTarget[]): ProbeTarget | undefined {
    const again = this.#again && targets.find(({ subnet }) => subnet === this.#again?.subnet);
    if (again) return again;
    this.#again = undefined;
    return targets[firstBehind(targets, this.#last)] ?? targets[0];
  }

  /** True if that peer is in another state than before. */
  note({ subnet, publicIP }: ProbeTarget, answers: Answers, now: number): boolean {
    const lacks = lackOf(answers);
    const before = this.#lacking.get(subnet);
    const wasAsked = this.#again?.subnet === subnet;
    this.#again = undefined;
    this.#last = subnet;
    if (lacks === undefined) return this.#lacking.delete(subnet);
    if (before?.lacks === lacks && before.publicIP === publicIP) return false;
    if (!wasAsked) {
      this.#again = { subnet, lacks };
      return false;
    }
    this.#lacking.set(subnet, { subnet, publicIP, lacks, since: now });
    return true;
  }

  /** Of those that still have that lease; `addressOf`: the public address that it names, undefined without one. Sorted. */
  unreachable(addressOf: (subnet: string) => string | undefined): Unreachable[] {
    for (const [subnet, { publicIP }] of this.#lacking)
      if (addressOf(subnet) !== publicIP) this.#lacking.delete(subnet);
    return [...this.#lacking.values()].sort((a, b) => byText(a.subnet, b.subnet));
  }
}

/** Binary: there may be thousands, and one is asked a second. */
function firstBehind(targets: readonly ProbeTarget[], subnet: string): number {
  let [low, high] = [0, targets.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byText(targets[middle]!.subnet, subnet) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lackOf({ icmp, tcp }: Answers): Lack | undefined {
  if (tcp.result === 'answered') return undefined;
  return icmp.result === 'answered' ? 'tcp' : 'none';
}

export function unreachableEntry({ subnet, publicIP, lacks, since }: Unreachable): HeldEntry {
  const time = new Date(since).toISOString();
  const detail =
    lacks === 'none'
      ? `${subnet} of ${publicIP} has not answered over the overlay since ${time}; selvage doctor --probe --peers ${subnet} says which layer is at fault.`
      : `${subnet} of ${publicIP} answers ICMP over the overlay and not TCP, since ${time}; selvage doctor --probe --peers ${subnet} says more.`;
  return { kind: 'peer', key: subnet, why: lacks === 'none' ? 'no answer' : 'TCP is lost', detail, unmet: false };
}
