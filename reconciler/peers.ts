/**
 * Owns the wants of all peers, and which peer has what two of them claim (one VTEP MAC on two leases).
 *
 * - A peer is in force with all of its wants or with none.
 * - The elder lease wins; the other is held, and takes over as soon as the first goes.
 * - A change of one lease touches that peer and its rivals, nobody else.
 */
import type { Lease } from '../config/model.ts';
import type { PeerWants } from './backends/backend.ts';
import { byAge } from './lease/age.ts';
import type { HeldEntry } from './report.ts';
import { idOf, splitId, type Want } from './resource.ts';
import { settle } from './settle.ts';

interface Peer {
  readonly lease: Lease;
  readonly ids: readonly string[];
  readonly wants: readonly Want[];
  /** Why it is not in force. */
  held: HeldEntry | undefined;
  readonly unreadable: boolean;
  inForce: boolean;
}

export class Peers {
  readonly #wantsOf: (lease: Lease) => PeerWants;
  /** Of peers in force, by id; shared with what is not a peer's. */
  readonly #wants: Map<string, Want>;
  readonly #peers = new Map<string, Peer>();
  readonly #claims = new Map<string, Peer[]>();
  /** Those that are held, so that asking for them costs no walk over all. */
  readonly #held = new Map<string, Peer>();

  constructor(wants: Map<string, Want>, wantsOf: (lease: Lease) => PeerWants) {
    this.#wants = wants;
    this.#wantsOf = wantsOf;
  }

  get held(): HeldEntry[] {
    return [...this.#held.values()].flatMap(({ held }) => held ?? []);
  }

  get unreadableSubnets(): string[] {
    return [...this.#held.values()].filter(({ unreadable }) => unreadable).map(({ lease }) => lease.subnet);
  }

  idsOf(subnet: string): readonly string[] {
    return this.#peers.get(subnet)?.ids ?? [];
  }

  /** The subnet of the peer in force that wants `id`. */
  subnetOf(id: string): string | undefined {
    return this.#claims.get(id)?.find(({ inForce }) => inForce)?.lease.subnet;
  }

  /** @returns ids of all that came, went or changed, with those of the peers themselves before and after */
  update(changes: Iterable<readonly [subnet: string, lease: Lease | undefined]>): Set<string> {
    const affected = new Set<string>();
    const touched = new Set<Peer>();
    for (const [subnet, lease] of changes) {
      const before = this.#peers.get(subnet);
      if (before) this.#remove(before, touched, affected);
      if (lease) touched.add(this.#add(lease, affected));
    }
    const verdicts = settle(touched, (peer) => this.#rivalsOf(peer), byPeerAge);
    // Losers first: what they had is then free for the winners.
    for (const [peer, winner] of verdicts) if (winner) this.#retire(peer, winner, affected);
    for (const [peer, winner] of verdicts) if (!winner) this.#enforce(peer, affected);
    return affected;
  }

  clear(): void {
    for (const { ids, inForce } of this.#peers.values()) if (inForce) for (const id of ids) this.#wants.delete(id);
    this.#peers.clear();
    this.#claims.clear();
    this.#held.clear();
  }

  #add(lease: Lease, affected: Set<string>): Peer {
    const { wants = [], held, ...rest } = this.#wantsOf(lease);
    const ids = wants.map(idOf);
    const peer: Peer = { lease, ids, wants, held, unreadable: 'unreadable' in rest && rest.unreadable, inForce: false };
    this.#peers.set(lease.subnet, peer);
    for (const id of ids) {
      affected.add(id);
      const claims = this.#claims.get(id);
      if (claims) claims.push(peer);
      else this.#claims.set(id, [peer]);
    }
    return peer;
  }

  #remove(peer: Peer, touched: Set<Peer>, affected: Set<string>): void {
    for (const rival of this.#rivalsOf(peer)) touched.add(rival);
    touched.delete(peer);
    this.#withdraw(peer);
    for (const id of peer.ids) {
      affected.add(id);
      const claims = this.#claims.get(id)!.filter((other) => other !== peer);
      if (claims.length) this.#claims.set(id, claims);
      else this.#claims.delete(id);
    }
    this.#peers.delete(peer.lease.subnet);
    this.#held.delete(peer.lease.subnet);
  }

  *#rivalsOf(peer: Peer): Iterable<Peer> {
    for (const id of peer.ids) {
      const claims = this.#claims.get(id)!;
      if (claims.length > 1) yield* claims;
    }
  }

  #withdraw(peer: Peer): void {
    if (peer.inForce) for (const id of peer.ids) this.#wants.delete(id);
    peer.inForce = false;
  }

  #retire(peer: Peer, winner: Peer, affected: Set<string>): void {
    if (peer.inForce) for (const id of peer.ids) affected.add(id);
    this.#withdraw(peer);
    peer.held = sharedHold(peer, winner);
    this.#held.set(peer.lease.subnet, peer);
  }

  #enforce(peer: Peer, affected: Set<string>): void {
    if (!peer.wants.length) {
      if (peer.held) this.#held.set(peer.lease.subnet, peer);
      return;
    }
    this.#held.delete(peer.lease.subnet);
    peer.held = undefined;
    if (peer.inForce) return;
    peer.inForce = true;
    for (const [index, id] of peer.ids.entries()) {
      affected.add(id);
      this.#wants.set(id, peer.wants[index]!);
    }
  }
}

const byPeerAge = (a: Peer, b: Peer): number => byAge(a.lease, b.lease);

function sharedHold(peer: Peer, winner: Peer): HeldEntry {
  const shared = peer.ids.find((id) => winner.ids.includes(id))!;
  const { kind, key } = splitId(shared);
  const what = kind === 'fdb' ? `the VTEP MAC ${key.slice(key.indexOf('|') + 1)}` : `the ${kind} ${key}`;
  const { subnet, attrs } = peer.lease;
  const detail = `${subnet} (${attrs.publicIP}) claims ${what}, which ${winner.lease.subnet} (${winner.lease.attrs.publicIP}) had before; if one of the two is a copy of the other, delete flannel's device there and restart the agent.`;
  return { kind: 'peer', key: subnet, why: 'shared with another peer', detail, unmet: true };
}
