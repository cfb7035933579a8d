/** Owns when a host counts as repaired: its overlay, as iproute2 shows it, is what it was before the break. */
import { dumpHost } from './dump.ts';
import type { LabHost } from './lab.ts';
import type { IpObject } from './netns.ts';

/** A device that is made again has another index; nothing else may differ. */
const WITHOUT = new Set(['ifindex', 'link_index']);

function lines(objects: IpObject[]): string[] {
  const strip = (object: IpObject) => Object.fromEntries(Object.entries(object).filter(([name]) => !WITHOUT.has(name)));
  // The kernel lists in the order of its hash tables, which differs from device to device.
  return objects.map((object) => JSON.stringify(strip(object))).sort();
}

const isIPv4 = ({ dst }: IpObject) => !dst?.includes(':');

/** IPv4 and FDB only: the link-local IPv6 address of a new device is tentative for a second. */
export async function overlayOf(host: LabHost): Promise<string> {
  const dump = await dumpHost(host.ns);
  const addresses = dump.addresses.map((link) => ({
    ...link,
    addr_info: link.addr_info?.filter(({ family }) => family === 'inet'),
  }));
  return [
    ...lines(addresses),
    ...lines(dump.links),
    ...lines(dump.routes.filter(isIPv4)),
    ...lines(dump.neighbours.filter(isIPv4)),
    ...lines(dump.fdb),
    ...lines(dump.nexthops),
  ].join('\n');
}
