/** Owns the attributes of an ipip device on the wire (linux/if_tunnel.h: IFLA_IPTUN_*). */
import type { IpipTunnel } from '../../../reconciler/tunnels/ipip.ts';
import type { Message } from '../codec/message.ts';
import type { Writer } from '../codec/writer.ts';
import type { WireTunnel } from './tunnel.ts';

const IFLA_IPTUN_LOCAL = 2;
const IFLA_IPTUN_REMOTE = 3;
const IFLA_IPTUN_TTL = 4;
const IFLA_IPTUN_PMTUDISC = 10;

export const ipipWire: WireTunnel<IpipTunnel> = { type: 'ipip', read, writeNew };

function read(m: Message): { tunnel: IpipTunnel; parentIndex: number } {
  const [local, remote] = [end(m.attrIPv4(IFLA_IPTUN_LOCAL)), end(m.attrIPv4(IFLA_IPTUN_REMOTE))];
  return { tunnel: { type: 'ipip', local, remote }, parentIndex: 0 };
}

/** The kernel always says both ends (ipip.c: ipip_fill_info), 0.0.0.0 for any. */
const end = (address: string): string => (address === '0.0.0.0' ? '' : address);

/** As flannel gives it (pkg/backend/ipip, vishvananda/netlink addIptunAttrs): no TTL of its own, and so fragments are allowed. */
function writeNew(w: Writer, { local, remote }: IpipTunnel): void {
  if (local) w.attrIPv4(IFLA_IPTUN_LOCAL, local);
  if (remote) w.attrIPv4(IFLA_IPTUN_REMOTE, remote);
  w.attrU8(IFLA_IPTUN_PMTUDISC, 0);
  w.attrU8(IFLA_IPTUN_TTL, 0);
}
