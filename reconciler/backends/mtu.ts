/**
 * Owns how long a packet inside a tunnel may be: what the external interface carries, less the tunnel's headers, as flannel reckons it
 * (docs/reference/flannel.md#vxlan), and within what the kernel gives a device.
 */
import type { HeldEntry } from '../contracts/report.ts';
import type { NetworkContext } from './backend.ts';

/** Bytes. RFC 791, and the kernel's ETH_MIN_MTU: a device with less would not get IPv4. */
const LEAST = 68;
/** Bytes: what UDP carries in an IPv4 packet, and within what the kernel gives ipip (ip_tunnel.c: 0xFFF8 less its header). An interface such as lo has more. */
const MOST = 65_507;

/** `underlay` and `overhead` in bytes. */
export const innerMtu = (underlay: number, overhead: number): number => Math.min(underlay - overhead, MOST);

/** Why no device can be made on that interface; undefined if one can. */
export function mtuTooSmall({ host }: NetworkContext, dev: string, overhead: number): HeldEntry | undefined {
  const { name, mtu } = host.uplink;
  const inner = innerMtu(mtu, overhead);
  if (inner >= LEAST) return undefined;
  const detail = `${name} has an MTU of ${mtu}, which leaves ${Math.max(0, inner)} bytes inside the tunnel ${dev}, and IPv4 needs ${LEAST}; raise it: ip link set ${name} mtu ${LEAST + overhead} or more.`;
  return { kind: 'link', key: dev, why: 'MTU too small', detail, unmet: true };
}
