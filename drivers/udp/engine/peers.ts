/**
 * Owns the peer table: which host has the subnet that an address lies in. Addresses are numbers, as IPv4 is read.
 * One hash per prefix length, the longest first: a network has one length, or two while its SubnetLen changes.
 */
import { type Cidr, formatIp, maskOf, networkOf, parseCidr, parseIp } from '../../../config/ipv4.ts';
import type { PeerDelta } from '../protocol.ts';

interface Length {
  bits: number;
  mask: number;
  hosts: Map<number, number>;
}

export class PeerTable {
  #lengths: Length[] = [];
  #size = 0;
  #lastAddress = -1;
  #lastHost = 0;

  get size(): number {
    return this.#size;
  }

  /** The host to send to; 0 if there is none. */
  lookup(address: number): number {
    if (address === this.#lastAddress) return this.#lastHost;
    let host = 0;
    for (const { mask, hosts } of this.#lengths) {
      host = hosts.get((address & mask) >>> 0) ?? 0;
      if (host) break;
    }
    this.#lastAddress = address;
    this.#lastHost = host;
    return host;
  }

  /** Throws, and changes nothing, if something isn't written as it must be. */
  apply({ set = [], remove = [] }: PeerDelta): void {
    const toSet = set.map(([subnet, host]) => [parseSubnet(subnet), parseHost(host)] as const);
    const toRemove = remove.map(parseSubnet);
    for (const { ip, length } of toRemove) if (this.#length(length).hosts.delete(ip)) this.#size--;
    for (const [{ ip, length }, host] of toSet) {
      const { hosts } = this.#length(length);
      if (!hosts.has(ip)) this.#size++;
      hosts.set(ip, host);
    }
    this.#lengths = this.#lengths.filter(({ hosts }) => hosts.size > 0);
    this.#lastAddress = -1;
  }

  /** Subnet and host of each peer, or of those among `subnets`. */
  entries(subnets?: readonly string[]): [string, string][] {
    if (subnets) return subnets.flatMap((subnet) => this.#entry(subnet));
    return this.#lengths.flatMap(({ bits, hosts }) =>
      [...hosts].map(([ip, host]): [string, string] => [`${formatIp(ip)}/${bits}`, formatIp(host)]),
    );
  }

  #entry(subnet: string): [string, string][] {
    const { ip, length } = parseSubnet(subnet);
    const host = this.#lengths.find(({ bits }) => bits === length)?.hosts.get(ip);
    return host === undefined ? [] : [[subnet, formatIp(host)]];
  }

  #length(bits: number): Length {
    let found = this.#lengths.find((length) => length.bits === bits);
    if (!found) {
      found = { bits, mask: maskOf(bits), hosts: new Map() };
      this.#lengths.push(found);
      this.#lengths.sort((a, b) => b.bits - a.bits);
    }
    return found;
  }
}

function parseSubnet(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`${text} is no subnet.`);
  return { ip: networkOf(cidr.ip, cidr.length), length: cidr.length };
}

function parseHost(text: string): number {
  const ip = parseIp(text);
  if (!ip) throw new Error(`${text} is no address of a host.`);
  return ip;
}
