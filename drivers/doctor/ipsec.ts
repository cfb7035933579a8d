/** Reads the IPsec policies that would take packets to peers (NETLINK_XFRM, linux/xfrm.h). Loads no module: it asks only where xfrm_user is there. */
import { contains } from '../../config/ipv4.ts';
import { Client } from '../netlink/client.ts';
import * as c from '../netlink/codec/constants.ts';
import type { Message } from '../netlink/codec/message.ts';
import { ipv4At } from '../netlink/codec/text.ts';
import { NetlinkSocket } from '../netlink/socket.ts';
import { readText } from './counters.ts';

const NETLINK_XFRM = 6;
const XFRM_MSG_GETPOLICY = 0x15;
const XFRM_MSG_NEWPOLICY = 0x13;
/** struct xfrm_userpolicy_id. */
const ID_BYTES = 64;
/** struct xfrm_userpolicy_info: its selector first, and where direction and action are. */
const INFO_BYTES = 168;
const DIRECTION_AT = 160;
const OUT = 1;
const ACTION_AT = 161;
const ALLOW = 0;
const XFRMA_TMPL = 5;
const UDP = 17;
const AF_INET = 2;

/** As text; undefined if they can't be seen. */
export function policiesTo(addresses: readonly string[]): string[] | undefined {
  // The kernel's own socket of that family is there once its module is: nobody can have set a policy before.
  const families = readText('/proc/self/net/netlink')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[1]);
  if (!families.includes(String(NETLINK_XFRM))) return [];
  const client = new Client(new NetlinkSocket({ protocol: NETLINK_XFRM, receiveBuffer: 1 << 20 }));
  try {
    const { items, errno } = client.dump(
      (w) => {
        w.begin(XFRM_MSG_GETPOLICY, c.NLM_F_DUMP, ID_BYTES);
        w.end();
      },
      (m) => (m.type === XFRM_MSG_NEWPOLICY ? readPolicy(m) : undefined),
    );
    if (errno !== 0) return undefined;
    return items.filter(({ to }) => addresses.some((address) => contains(to, `${address}/32`))).map(({ text }) => text);
  } finally {
    client.close();
  }
}

/** Of those that take UDP packets that leave; one that allows and has no template lets them pass as they are. */
function readPolicy(m: Message): { to: string; text: string } | undefined {
  const at = m.body;
  const family = m.u16(at + 40);
  const [toLength, fromLength, protocol] = [m.byte(at + 42), m.byte(at + 43), m.byte(at + 44)];
  m.scan(at + INFO_BYTES);
  const bypasses = m.byte(at + ACTION_AT) === ALLOW && !m.has(XFRMA_TMPL);
  if (family !== AF_INET || m.byte(at + DIRECTION_AT) !== OUT || bypasses) return undefined;
  if (protocol !== 0 && protocol !== UDP) return undefined;
  const to = `${ipv4At(m.u8, at)}/${toLength}`;
  return { to, text: `src ${ipv4At(m.u8, at + 16)}/${fromLength} dst ${to} dir out` };
}
