/**
 * Owns who reaches whom: for each pair of hosts whether a packet arrives, kept up to date as kernels change. Only a write to a kernel, or
 * another address, can change that, so each loss has the one who made it.
 *
 * - A host that gets another subnet is somebody else: nobody has reached it there yet.
 */
import { type Cidr, contains, lastOf, parseCidr } from '../../config/ipv4.ts';
import type { Change } from '../../reconciler/contracts/driver.ts';
import { resourceOf } from '../../reconciler/contracts/driver.ts';
import { rangeOf } from '../../reconciler/kinds/index.ts';
import type { SimulatedHost } from './host.ts';
import type { Network } from './network.ts';

export interface Lost {
  from: SimulatedHost;
  to: SimulatedHost;
  why: string;
}

/** Up to so many hosts all pairs of a host are looked at after each of its writes; above it only those that the write is about. */
const FEW = 12;

export class Oracle {
  readonly #hosts: readonly SimulatedHost[];
  readonly #network: Network;
  /** Subnet that each host's containers are in, by its index; it stays when the file goes. */
  readonly #seats: (string | undefined)[] = [];
  readonly #blocks: (Cidr | undefined)[] = [];
  readonly #reached: Uint8Array;

  constructor(hosts: readonly SimulatedHost[], network: Network) {
    this.#hosts = hosts;
    this.#network = network;
    this.#reached = new Uint8Array(hosts.length ** 2);
  }

  seatOf({ index }: SimulatedHost): string | undefined {
    return this.#seats[index];
  }

  /** Reads subnet.env again. @returns the subnet that the host had before, if it is another now */
  reseat(host: SimulatedHost): string | undefined {
    const { subnet } = host;
    const before = this.#seats[host.index];
    if (subnet === undefined || subnet === before) return undefined;
    this.#seats[host.index] = subnet;
    this.#blocks[host.index] = parseCidr(subnet);
    for (const other of this.#hosts) this.#set(other, host, false);
    return before;
  }

  /** Pairs of these hosts whose subnets overlap: neighbours only, which is enough to find one. */
  overlaps(hosts: readonly SimulatedHost[]): [SimulatedHost, SimulatedHost][] {
    const seated = hosts.flatMap((host) => {
      const block = this.#blocks[host.index];
      return block ? [{ host, first: block.ip, last: lastOf(block.ip, block.length) }] : [];
    });
    seated.sort((a, b) => a.first - b.first || a.host.index - b.host.index);
    return seated.flatMap((one, i) => {
      const next = seated[i + 1];
      return next && next.first <= one.last ? [[one.host, next.host] as [SimulatedHost, SimulatedHost]] : [];
    });
  }

  /** After these changes on `host`. @returns the pairs that it has cut */
  after(host: SimulatedHost, changes: readonly Change[]): Lost[] {
    const about = this.#hosts.length <= FEW ? 'all' : this.#about(changes);
    if (about === 'nothing') return [];
    if (about === 'all') return [...this.#look(this.#hosts, [host]), ...this.#look([host], this.#hosts)];
    return this.#look([host], about);
  }

  /** Looks at everybody. @returns the pairs that were cut since */
  lookAtAll(): Lost[] {
    return this.#look(this.#hosts, this.#hosts);
  }

  /** Every pair of `members` that is not reached, or whose host has no subnet. */
  missing(members: readonly SimulatedHost[]): Lost[] {
    return members.flatMap((from) =>
      members.flatMap((to) => {
        const why = from === to ? undefined : this.#lossOf(from, to);
        return why === undefined ? [] : [{ from, to, why }];
      }),
    );
  }

  #look(sources: readonly SimulatedHost[], targets: readonly SimulatedHost[]): Lost[] {
    const lost: Lost[] = [];
    for (const from of sources) {
      for (const to of targets) {
        if (from === to) continue;
        const why = this.#lossOf(from, to);
        if (why !== undefined && this.#reached[from.index * this.#hosts.length + to.index])
          lost.push({ from, to, why });
        this.#set(from, to, why === undefined);
      }
    }
    return lost;
  }

  #lossOf(from: SimulatedHost, to: SimulatedHost): string | undefined {
    const seat = this.#seats[to.index];
    if (seat === undefined) return `${to.name} has no subnet`;
    if (this.#seats[from.index] === undefined) return `${from.name} has no subnet`;
    return this.#network.send(from, to, seat);
  }

  #set(from: SimulatedHost, to: SimulatedHost, isReached: boolean): void {
    this.#reached[from.index * this.#hosts.length + to.index] = isReached ? 1 : 0;
  }

  #about(changes: readonly Change[]): SimulatedHost[] | 'all' | 'nothing' {
    const about = new Set<SimulatedHost>();
    for (const change of changes) {
      const resource = resourceOf(change);
      if (resource.kind === 'file') continue;
      // A new entry takes nothing away from anybody, and which host it is about its MAC alone says.
      if (resource.kind === 'fdb' && change.op === 'create') continue;
      const range = resource.kind === 'link' || resource.kind === 'fdb' ? undefined : rangeOf(resource);
      if (range === undefined) return 'all';
      for (const host of this.#hosts) {
        const seat = this.#seats[host.index];
        if (seat !== undefined && contains(seat, typeof range === 'number' ? range : range.ip)) about.add(host);
      }
    }
    return about.size ? [...about] : 'nothing';
  }
}
