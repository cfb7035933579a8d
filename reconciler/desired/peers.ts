/**
 * Owns the wants of all peers, and which peer has what two of them claim (one VTEP MAC on two leases).
 *
 * - A peer is in force with all of its wants or with none.
 * - The elder lease wins; the other is held, and takes over as soon as the first goes.
 * - Two leases of one host (it took another subnet while the first can't be read, or came back from a backup) claim the same and share it.
 * - A change of one lease touches that peer and its rivals, nobody else.
 */
import type { Lease } from '../../config/model.ts';
import type { PeerWants } from '../backends/backend.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { idOf, splitId, type Want } from '../kinds/index.ts';
import { byAge } from '../lease/age.ts';
import { settle } from '../store/rivals.ts';

interface Peer {
  readonly lease: Lease;
  readonly ids: readonly string[];
  readonly wants: readonly Want[];
  /** Worth telling while it is in force. */
  readonly note: HeldEntry | undefined;
  /** Why it is not in force. */
  held: HeldEntry | undefined;
  /** Its lease doesn't say what it must. */
  readonly unreadable: boolean;
  /** It names a way that this host doesn't have. */
  readonly elsewhere: boolean;
  inForce: boolean;
}

export class Peers {
  readonly #wantsOf: (lease: Lease) => PeerWants;
  /** What peers in force want, by id; shared with what is not a peer's. */
  readonly #wants: Map<string, Want>;
  readonly #peers = new Map<string, Peer>();
  /** Who claims an id: nearly always one, and there are tens of thousands of ids. */
  readonly #claims = new Map<string, Peer | Peer[]>();
  /** Ids that several claim: mostly none, and then nobody has a rival. */
  readonly #contested = new Set<string>();
  /** Peers that are held, so that asking for them costs no walk over all. */
  readonly #held = new Map<string, Peer>();
  /** Peers with a note. */
  readonly #noted = new Set<Peer>();

  constructor(wants: Map<string, Want>, wantsOf: (lease: Lease) => PeerWants) {
    this.#wants = wants;
    this.#wantsOf = wantsOf;
  }

  get held(): HeldEntry[] {
    const notes = [...this.#noted].flatMap(({ note, inForce }) => (note && inForce ? note : []));
    return [...notes, ...[...this.#held.values()].flatMap(({ held }) => held ?? [])];
  }

  get unreadableSubnets(): string[] {
    return [...this.#held.values()].filter(({ unreadable }) => unreadable).map(({ lease }) => lease.subnet);
  }

  /** Of peers whose leases name a way that this host doesn't have. */
  get subnetsElsewhere(): string[] {
    return [...this.#held.values()].filter(({ elsewhere }) => elsewhere).map(({ lease }) => lease.subnet);
  }

  /** How many leases there are beside our own, in force or not. */
  get count(): number {
    return this.#peers.size;
  }

  idsOf(subnet: string): readonly string[] {
    return this.#peers.get(subnet)?.ids ?? [];
  }

  leaseOf(subnet: string): Lease | undefined {
    return this.#peers.get(subnet)?.lease;
  }

  /** The subnet of the peer in force that wants `id`. */
  subnetOf(id: string): string | undefined {
    const claims = this.#claims.get(id);
    if (claims === undefined) return undefined;
    const peer = Array.isArray(claims) ? claims.find(({ inForce }) => inForce) : claims;
    return peer?.inForce ? peer.lease.subnet : undefined;
  }

  /** All leases anew. */
  setAll(leases: Iterable<Lease>): void {
    for (const { ids, inForce } of this.#peers.values()) if (inForce) for (const id of ids) this.#wants.delete(id);
    this.#peers.clear();
    this.#claims.clear();
    this.#contested.clear();
    this.#held.clear();
    this.#noted.clear();
    const peers: Peer[] = [];
    for (const lease of leases) peers.push(this.#add(lease));
    this.#settle(peers);
  }

  /** @returns ids of all that came, went or changed, with those of the peers themselves before and after */
  update(changes: Iterable<readonly [subnet: string, lease: Lease | undefined]>): Set<string> {
    const affected = new Set<string>();
    const touched = new Set<Peer>();
    for (const [subnet, lease] of changes) {
      const before = this.#peers.get(subnet);
      if (before) {
        for (const rival of this.#rivalsOf(before)) touched.add(rival);
        touched.delete(before);
        for (const id of before.ids) affected.add(id);
        this.#remove(before);
      }
      if (!lease) continue;
      const peer = this.#add(lease);
      touched.add(peer);
      for (const id of peer.ids) affected.add(id);
    }
    for (const peer of this.#settle(touched)) for (const id of peer.ids) affected.add(id);
    return affected;
  }

  #add(lease: Lease): Peer {
    const result = this.#wantsOf(lease);
    const wants = result.wants ?? [];
    const ids = wants.map(idOf);
    const peer: Peer = {
      lease,
      ids,
      wants,
      note: result.wants && result.note,
      held: result.held,
      unreadable: result.held !== undefined && result.unreadable,
      elsewhere: result.held !== undefined && (result.elsewhere ?? false),
      inForce: false,
    };
    if (peer.note) this.#noted.add(peer);
    this.#peers.set(lease.subnet, peer);
    for (const id of ids) {
      const claims = this.#claims.get(id);
      if (claims !== undefined) this.#contested.add(id);
      this.#claims.set(id, claims === undefined ? peer : [claims, peer].flat());
    }
    return peer;
  }

  #remove(peer: Peer): void {
    this.#withdraw(peer);
    for (const id of peer.ids) {
      const others = this.#claimants(id).filter((other) => other !== peer);
      if (others.length < 2) this.#contested.delete(id);
      if (others.length) this.#claims.set(id, others);
      else this.#claims.delete(id);
    }
    this.#peers.delete(peer.lease.subnet);
    this.#noted.delete(peer);
    this.#held.delete(peer.lease.subnet);
  }

  #claimants(id: string): Peer[] {
    const claims = this.#claims.get(id);
    if (claims === undefined) return [];
    return Array.isArray(claims) ? claims : [claims];
  }

  #rivalsOf(peer: Peer): readonly Peer[] {
    if (this.#contested.size === 0) return NO_RIVALS;
    const claimants = peer.ids.filter((id) => this.#contested.has(id)).flatMap((id) => this.#claimants(id));
    return claimants.filter((other) => other === peer || !isSameHost(other, peer));
  }

  /** @returns those that came into force or went out of it */
  #settle(touched: Iterable<Peer>): Peer[] {
    const changed: Peer[] = [];
    const verdicts = settle(touched, (peer) => this.#rivalsOf(peer), byPeerAge);
    // Losers first: what they had is then free for the winners.
    for (const [peer, winner] of verdicts) {
      if (!winner) continue;
      if (peer.inForce) changed.push(peer);
      this.#withdraw(peer);
      peer.held = sharedHold(peer, winner);
      this.#held.set(peer.lease.subnet, peer);
    }
    for (const [peer, winner] of verdicts) {
      if (winner) continue;
      if (!peer.wants.length) this.#held.set(peer.lease.subnet, peer);
      else if (!peer.inForce) {
        this.#enforce(peer);
        changed.push(peer);
      }
    }
    return changed;
  }

  #withdraw(peer: Peer): void {
    const isShared = (id: string): boolean =>
      this.#contested.has(id) && this.#claimants(id).some((other) => other !== peer && other.inForce);
    if (peer.inForce) for (const id of peer.ids) if (!isShared(id)) this.#wants.delete(id);
    peer.inForce = false;
  }

  #enforce(peer: Peer): void {
    this.#held.delete(peer.lease.subnet);
    peer.held = undefined;
    peer.inForce = true;
    for (let i = 0; i < peer.ids.length; i++) this.#wants.set(peer.ids[i]!, peer.wants[i]!);
  }
}

const NO_RIVALS: readonly Peer[] = [];

/** Then what both claim is the same in both: the VTEP of that address. */
const isSameHost = (a: Peer, b: Peer): boolean => a.lease.attrs.publicIP === b.lease.attrs.publicIP;

const byPeerAge = (a: Peer, b: Peer): number => byAge(a.lease, b.lease);

/** Of a peer whose lease names another path than the config's. `on`: the one that this host reaches it by. */
export function notMoved({ subnet, attrs }: Lease, named: string, on: string, config: string): HeldEntry {
  const { publicIP } = attrs;
  const how =
    on === named
      ? 'and is reached there until it moves'
      : `which this host has no path for, so it is reached by ${on}, as flannel does`;
  const detail = `${subnet} of ${publicIP} has not moved to ${config} yet: its lease names ${named}, ${how}; if it doesn't follow by itself, restart the agent there.`;
  return { kind: 'peer', key: subnet, why: 'not moved yet', detail, unmet: false };
}

function sharedHold(peer: Peer, winner: Peer): HeldEntry {
  const shared = peer.ids.find((id) => winner.ids.includes(id))!;
  const { kind, key } = splitId(shared);
  const what = kind === 'fdb' ? `the VTEP MAC ${key.slice(key.indexOf('|') + 1)}` : `the ${kind} ${key}`;
  const { subnet, attrs } = peer.lease;
  const detail = `${subnet} (${attrs.publicIP}) claims ${what}, which ${winner.lease.subnet} (${winner.lease.attrs.publicIP}) had before; if one of the two is a copy of the other, delete flannel's device there and restart the agent.`;
  return { kind: 'peer', key: subnet, why: 'shared with another peer', detail, unmet: false };
}
