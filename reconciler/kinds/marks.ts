/** Owns the marks by which the kernel tells who made something. */

/** Protocol mark of our routes, nexthop objects and neighbours: 's'. Free in iproute2's rt_protos and in FRR, BIRD and Calico. */
export const SELVAGE_PROTOCOL = 115;
/** RTPROT_KERNEL (linux/rtnetlink.h): connected routes. */
export const KERNEL_PROTOCOL = 2;

/** iproute2's rt_protos: the ones that somebody meets on a Docker host. */
const PROTOCOLS: Record<number, string> = {
  0: 'unspecified',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  9: 'ra',
  11: 'zebra',
  12: 'bird',
  16: 'dhcp',
  115: 'selvage',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

export const protocolName = (protocol: number): string => PROTOCOLS[protocol] ?? String(protocol);

/** " via 10.5.34.0 dev flannel.1", as much of it as there is. */
export const viaText = ({ gateway, dev }: { gateway: string; dev: string }): string =>
  `${gateway ? ` via ${gateway}` : ''}${dev ? ` dev ${dev}` : ''}`;
