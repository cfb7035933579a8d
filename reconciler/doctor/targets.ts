/** Owns whom packets are sent to, and at which address of theirs. Pure. */
import { formatIp, parseCidr } from '../../config/ipv4.ts';
import type { Lease } from '../../config/model.ts';
import type { Facts } from './facts.ts';
import { overheadOf } from './network.ts';

export interface Targets {
  targets: { subnet: string; publicIP: string; address: string }[];
  /** How many peers there are. */
  of: number;
  /** Those of `wanted` that no lease has. */
  unknown: string[];
  mtu: number;
  outerMtu: number;
  source?: string;
}

/** `wanted`: all, so many drawn by `random` (a number in [0, 1)), or subnets and public addresses. undefined: without config and lease there is nobody. */
export function targetsOf(
  facts: Facts,
  wanted: 'all' | number | readonly string[],
  random: () => number,
): Targets | undefined {
  const { look } = facts;
  if (!look?.config || !look.host || !look.report.network.subnet) return undefined;
  const own = look.report.network.subnet;
  const hasDevice = look.devices.length > 0;
  const peers = look.leases.filter(({ subnet, attrs }) => subnet !== own && attrs.publicIP !== '0.0.0.0');
  const unknown = Array.isArray(wanted) ? wanted.filter((name) => !peers.some((peer) => isNamed(peer, name))) : [];
  const chosen =
    wanted === 'all'
      ? peers
      : typeof wanted === 'number'
        ? draw(peers, wanted, random)
        : peers.filter((peer) => wanted.some((name) => isNamed(peer, name)));
  const mtu = look.report.network.mtu;
  const bridge = addressOn(own, false);
  return {
    targets: chosen.map(({ subnet, attrs }) => ({
      subnet,
      publicIP: attrs.publicIP,
      address: addressOn(subnet, hasDevice),
    })),
    of: peers.length,
    unknown,
    mtu,
    outerMtu: mtu + overheadOf(facts),
    // So that the answer, too, takes the way of containers' packets.
    ...(!hasDevice && look.host.addresses?.includes(bridge) ? { source: bridge } : {}),
  };
}

const isNamed = ({ subnet, attrs }: Lease, name: string): boolean => subnet === name || attrs.publicIP === name;

/** A device has the first address of its subnet; where there is none, Docker's bridge has the second. */
export function addressOn(subnet: string, hasDevice: boolean): string {
  const { ip } = parseCidr(subnet)!;
  return formatIp(hasDevice ? ip : ip + 1);
}

/** `count` of them, in their order. */
function draw<T>(all: readonly T[], count: number, random: () => number): T[] {
  if (count >= all.length) return [...all];
  const places = all.map((_, i) => i);
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random() * (places.length - i));
    [places[i], places[other]] = [places[other]!, places[i]!];
  }
  return places
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((at) => all[at]!);
}
