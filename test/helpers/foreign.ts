/**
 * Owns a second opinion on whose a thing is, for the properties: written from docs/design.md#whose-is-it and not from
 * reconciler/plan/ownership.ts, as plainly as can be, so that a mistake there shows. Looks at a whole host at once.
 */

import type { Instance } from '../../reconciler/contracts/host.ts';
import type { Have, Link } from '../../reconciler/kinds/index.ts';
import { vxlanIn } from './tunnels.ts';

const toNumber = (ip: string): number => ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

function isInside(instance: Instance, first: number, length: number): boolean {
  return instance.networks.some((network) => {
    const [ip, bits] = network.split('/') as [string, string];
    const size = 2 ** (32 - Number(bits));
    return length >= Number(bits) && Math.floor(first / size) === Math.floor(toNumber(ip) / size);
  });
}

const isCidrInside = (instance: Instance, cidr: string): boolean => {
  const [ip, length] = cidr.split('/') as [string, string];
  return isInside(instance, toNumber(ip), Number(length));
};

/** Names of the devices that are the instance's. `wanted`: names that it wants, which matters for half-made ones only. */
export function ownDeviceNames(host: readonly Have[], instance: Instance, wanted: readonly string[]): Set<string> {
  const isOwn = (link: Link): boolean => {
    if (link.type !== link.tunnel?.type || link.master) return false;
    if (link.alias === `selvage:${instance.prefix}`) return true;
    if (link.name !== (link.type === 'ipip' ? 'flannel.ipip' : `flannel.${vxlanIn(link)?.vni}`)) return false;
    if (link.alias) return false;
    const addresses = host.flatMap((have) => (have.kind === 'address' && have.dev === link.name ? [have.address] : []));
    if (!addresses.length) return wanted.includes(link.name);
    return addresses.some((address) => isCidrInside(instance, address));
  };
  return new Set(host.flatMap((have) => (have.kind === 'link' && isOwn(have) ? [have.name] : [])));
}

/** Somebody has given the device an address of another network: it is not removed then, wanted or not. */
export const hasForeignAddress = (host: readonly Have[], instance: Instance, name: string): boolean =>
  host.some((have) => have.kind === 'address' && have.dev === name && !isCidrInside(instance, have.address));

/** Whether a thing may be changed or removed: it is the instance's, or the kernel's cache on a device of the instance. */
export function isTouchable(
  have: Have,
  own: ReadonlySet<string>,
  instance: Instance,
  desired: ReadonlyMap<string, unknown> = new Map(),
): boolean {
  switch (have.kind) {
    case 'link':
      return own.has(have.name);
    case 'address':
      return own.has(have.dev) && isCidrInside(instance, have.address);
    case 'neighbour': {
      if (!own.has(have.dev)) return false;
      return !have.permanent || have.protocol === 115 || isInside(instance, toNumber(have.ip), 32);
    }
    case 'fdb': {
      if (!own.has(have.dev)) return false;
      // A live lease names its MAC: nobody else has business there, unless the MAC is a group's.
      if ((Number.parseInt(have.mac, 16) & 1) === 0 && desired.has(`fdb ${have.dev}|${have.mac}`)) return true;
      if (!have.plain) return false;
      return !have.permanent || (have.dst !== '' && (Number.parseInt(have.mac, 16) & 3) === 2);
    }
    case 'udp-peer':
      return own.has(have.dev);
    case 'nexthop':
      return have.protocol === 115 && isInside(instance, have.id, 32);
    case 'route': {
      if (have.table !== 254 || have.protocol === 2 || !isCidrInside(instance, have.dst)) return false;
      return have.protocol === 115 || own.has(have.dev);
    }
    case 'file':
      return have.path === instance.subnetFile;
    case 'firewall':
      return false;
  }
}
