/**
 * Owns the question who has a UDP port that a device of ours needs, asked of the kernel (sock_diag(7)) while that device is not there.
 * Nothing is opened to find out, so that a drift report takes no port away from anybody.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import type { Interest, Listing, Unread } from '../../reconciler/contracts/driver.ts';
import { programName } from '../host/program-name.ts';
import { Client } from './client.ts';
import { AF_INET, NLM_F_DUMP } from './codec/constants.ts';
import type { Message } from './codec/message.ts';
import { NetlinkSocket } from './socket.ts';

// linux/sock_diag.h, linux/inet_diag.h
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const REQUEST_BYTES = 56; // struct inet_diag_req_v2
const MESSAGE_BYTES = 72; // struct inet_diag_msg
const INET_DIAG_SKV6ONLY = 11;
const AF_INET6 = 10;
const IPPROTO_UDP = 17;
const ALL_STATES = 0xffffffff;

interface PortSocket {
  /** "0.0.0.0" for all. */
  address: string;
  inode: number;
}

/** The listing, with why each device that is missing and wants a port that somebody has can't be made. */
export function withPortUsers(listing: Listing, interest: Interest, netns: string | undefined): Listing {
  const unread = new Map(listing.unread);
  for (const [name, { port, address }] of interest.listens ?? []) {
    // A tunnel's device is told from its socket by its name, and by what it can share (tunnels/vxlan.ts).
    const isDevices = listing.haves.some(
      (have) =>
        have.kind === 'link' &&
        (have.name === name ||
          (have.up && have.tunnel !== undefined && 'port' in have.tunnel && have.tunnel.port === port)),
    );
    const user = isDevices ? undefined : userOf(port, address, netns);
    if (user !== undefined) unread.set(`link ${name}`, inUse(name, port, user));
  }
  return unread.size ? { ...listing, unread } : listing;
}

export function inUse(name: string, port: number, user: string): Unread {
  const detail = `UDP port ${port} is taken by ${user}, so ${name} can't be made; end that program, or set Backend.Port to another.`;
  return { why: 'port in use', detail };
}

/** Who receives on a UDP port at `address`, or at all addresses ("" wants those): "dnsmasq (process 123)"; undefined for nobody, or if it can't be asked. */
export function userOf(port: number, address: string, netns: string | undefined): string | undefined {
  const found = socketsOf(port, netns).find(
    (one) => address === '' || one.address === '0.0.0.0' || one.address === address,
  );
  if (!found) return undefined;
  const pid = pidOf(found.inode);
  return pid === undefined
    ? "a socket of the kernel's, or of another container"
    : `${programName(pid)} (process ${pid})`;
}

function socketsOf(port: number, netns: string | undefined): PortSocket[] {
  const client = new Client(new NetlinkSocket({ netns, receiveBuffer: 65_536, protocol: NETLINK_SOCK_DIAG }));
  try {
    return [AF_INET, AF_INET6]
      .flatMap(
        (family) =>
          client.dump((w) => {
            const at = w.begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, REQUEST_BYTES);
            w.u8[at] = family;
            w.u8[at + 1] = IPPROTO_UDP;
            w.u32(at + 4, ALL_STATES);
            w.u8[at + 8] = port >> 8;
            w.u8[at + 9] = port & 0xff;
            w.end();
          }, readSocket).items,
      )
      .filter(({ inode }) => inode > 0);
  } finally {
    client.close();
  }
}

/** One of IPv6 counts if it takes IPv4 too, as Go's programs listen. */
function readSocket(m: Message): PortSocket | undefined {
  const { body } = m;
  const inode = m.u32(body + 68);
  if (m.byte(body) === AF_INET) return { address: [...m.u8.subarray(body + 8, body + 12)].join('.'), inode };
  const isAny = m.u8.subarray(body + 8, body + 24).every((byte) => byte === 0);
  m.scan(body + MESSAGE_BYTES);
  return isAny && m.attrU8(INET_DIAG_SKV6ONLY, 1) === 0 ? { address: '0.0.0.0', inode } : undefined;
}

/** Of whoever can be seen from here. */
function pidOf(inode: number): number | undefined {
  const link = `socket:[${inode}]`;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (readlinkSync(`/proc/${pid}/fd/${fd}`) === link) return Number(pid);
    } catch {
      // it ended, or is another user's
    }
  }
  return undefined;
}
