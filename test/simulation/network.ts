/**
 * Owns what becomes of a packet between two simulated hosts: route, ARP entry, FDB entry and device on the sender, the underlay, and the device
 * that takes it in on the other. It knows the kernels' tables only, nothing of the product.
 *
 * - A host's containers are in its subnet (subnet.env); the route to a subnet is the one of that very range.
 * - On one segment of the underlay every host reaches every other directly; between segments a router passes on what has their addresses.
 */
import type { Link, Route } from '../../reconciler/kinds/index.ts';
import { vxlanIn } from '../helpers/tunnels.ts';
import type { SimulatedHost } from './host.ts';

const UPLINK = 'eth0';

/** Undefined: it arrives. Else a few words on where it was lost. */
export type Loss = string | undefined;

export class Network {
  readonly #hosts: readonly SimulatedHost[];
  #at = new Map<string, SimulatedHost>();

  constructor(hosts: readonly SimulatedHost[]) {
    this.#hosts = hosts;
    this.addressesChanged();
  }

  addressesChanged(): void {
    this.#at = new Map(this.#hosts.flatMap((host) => host.addresses.map((address) => [address, host] as const)));
  }

  /** A packet from a container of `from` to one of `to`, whose subnet is `subnet`. */
  send(from: SimulatedHost, to: SimulatedHost, subnet: string): Loss {
    const { view } = from.kernel;
    const route = view.routes.get(`254|${subnet}|0|0`)?.[0];
    if (!route) return `${from.name} has no route to ${subnet}`;
    if (route.type !== 'unicast') return `${from.name} has a ${route.type} route to ${subnet}`;
    const way = wayOf(route, view.nexthops);
    if (!way) return `${from.name}'s route to ${subnet} leads to no nexthop object`;
    const link = view.links.get(way.dev);
    if (!link?.up) return `${from.name}'s route to ${subnet} is on ${way.dev}, which is ${link ? 'down' : 'not there'}`;
    return way.dev === UPLINK ? this.#direct(from, to, way.gateway) : this.#tunnelled(from, to, link, way.gateway);
  }

  #direct(from: SimulatedHost, to: SimulatedHost, gateway: string): Loss {
    const there = this.#at.get(gateway);
    if (!there || there.segment !== from.segment) return `${gateway} is not on ${from.name}'s link`;
    return there === to ? undefined : `it comes to ${there.name} instead`;
  }

  #tunnelled(from: SimulatedHost, to: SimulatedHost, link: Readonly<Link>, gateway: string): Loss {
    const { view } = from.kernel;
    const tunnel = vxlanIn(link);
    if (!tunnel) return `${link.name} on ${from.name} is no tunnel`;
    if (!from.addresses.includes(tunnel.local)) return `${link.name} on ${from.name} sends from ${tunnel.local}`;
    const neighbour = view.neighbours.get(`${link.name}|${gateway}`);
    if (!neighbour) return `${from.name} has no ARP entry for ${gateway} on ${link.name}`;
    const fdb = view.fdb.get(`${link.name}|${neighbour.mac}`);
    if (!fdb) return `${from.name} has no FDB entry for ${neighbour.mac} on ${link.name}`;
    const there = this.#at.get(fdb.dst);
    if (there !== to) return `VTEP ${neighbour.mac} is at ${fdb.dst}, which is ${there?.name ?? 'nobody'}`;
    const { vni, port } = tunnel;
    for (const device of to.kernel.view.links.values()) {
      const end = vxlanIn(device);
      if (end?.vni !== vni || end.port !== port || !device.up || device.master !== '') continue;
      if (device.mac === neighbour.mac) return undefined;
    }
    return `${to.name} has no device with VNI ${vni}, port ${port} and ${neighbour.mac}`;
  }
}

function wayOf(route: Route, nexthops: ReadonlyMap<number, { dev: string; gateway: string }>) {
  if (route.nexthopId === 0) return { dev: route.dev, gateway: route.gateway };
  return nexthops.get(route.nexthopId);
}
