/** Owns what the kernel in memory (model-kernel.ts) does with tunnels' devices, which it decides for itself: nothing here is asked of the product. */
import type { Link } from '../../reconciler/kinds/index.ts';
import type { Tunnel } from '../../reconciler/tunnels/index.ts';
import { Errno } from './errno.ts';

/** What a new device will be, the kernel's own values in place. Throws as the kernel refuses it beside `links`. */
export function madeTunnel(want: Tunnel, links: ReadonlyMap<string, Link>): Tunnel {
  const made = structuredClone(want);
  if (made.type === 'vxlan') {
    made.port ||= 8472;
    if (made.parent !== '' && !links.has(made.parent)) throw new Errno('ENODEV');
  }
  for (const { tunnel } of links.values()) if (tunnel && isOneTooMany(made, tunnel)) throw new Errno('EEXIST');
  return made;
}

/** vxlan: one a VNI, port and way to receive (vxlan_vni_in_use). ipip: one a pair of ends, `tunl0`'s any-to-any among them. */
function isOneTooMany(one: Tunnel, other: Tunnel): boolean {
  if (one.type === 'vxlan')
    return other.type === 'vxlan' && one.vni === other.vni && one.port === other.port && one.gbp === other.gbp;
  if (one.type === 'ipip') return other.type === 'ipip' && one.local === other.local && one.remote === other.remote;
  return false;
}

/** Throws EADDRINUSE as vxlan_open does: devices that are up share a port only if they receive alike (vxlan_find_sock). */
export function assertOpens({ name, tunnel }: Link, links: ReadonlyMap<string, Link>): void {
  if (tunnel?.type !== 'vxlan') return;
  for (const { name: holder, up, tunnel: other } of links.values()) {
    if (holder === name || !up || other?.type !== 'vxlan') continue;
    if (other.port === tunnel.port && other.gbp !== tunnel.gbp) throw new Errno('EADDRINUSE');
  }
}

/** Its underlay device is gone. */
export function forgetParent({ tunnel }: Link, name: string): void {
  if (tunnel?.type === 'vxlan' && tunnel.parent === name) tunnel.parent = '';
}
