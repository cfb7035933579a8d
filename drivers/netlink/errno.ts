/**
 * Owns the errno table: what the kernel's answers are called, which of the six kinds of failure each is, and what a person can do about it.
 * One table for the whole product (docs/design.md#failures-are-of-six-kinds); reconciler/contracts/failure.ts has the types.
 */
import { constants } from 'node:os';
import type { Failure, FailureKind } from '../../reconciler/contracts/failure.ts';

export const {
  EPERM,
  ENOENT,
  ESRCH,
  EINTR,
  EBADF,
  EAGAIN,
  ENOMEM,
  EBUSY,
  EEXIST,
  ENODEV,
  EINVAL,
  EMSGSIZE,
  EOPNOTSUPP,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  ENOTSOCK,
  ENOTCONN,
  EBADMSG,
  EADDRNOTAVAIL,
  ERANGE,
} = constants.errno;

const NAMES = new Map<number, string>();
// the first name of a number wins, and these are the kernel's own where POSIX has two
for (const name of ['EAGAIN', 'EOPNOTSUPP', ...Object.keys(constants.errno)] as (keyof typeof constants.errno)[]) {
  const number = constants.errno[name];
  if (!NAMES.has(number)) NAMES.set(number, name);
}

/** "EEXIST" for 17; "errno 524" for one that has no name here. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`;

interface Row {
  kind: FailureKind;
  /** What it means and what to do, to follow "…: ". */
  says: string;
}

const TABLE: Record<string, Row> = {
  EAGAIN: { kind: 'transient', says: 'the kernel was busy; it is tried again' },
  EINTR: { kind: 'transient', says: 'the kernel was interrupted; it is tried again' },
  EBUSY: { kind: 'transient', says: 'the kernel was busy with it; it is tried again' },
  ENOMEM: { kind: 'transient', says: 'the kernel is short of memory; it is tried again' },
  ENOBUFS: { kind: 'transient', says: "the kernel's answer was lost; it is looked at again" },
  EBADF: { kind: 'transient', says: 'the netlink socket was lost; it is reopened' },
  ENOTSOCK: { kind: 'transient', says: 'the netlink socket was lost; it is reopened' },
  ENOTCONN: { kind: 'transient', says: 'the netlink socket was lost; it is reopened' },
  EMFILE: { kind: 'transient', says: 'no file descriptor is free' },
  ENFILE: { kind: 'transient', says: 'no file descriptor is free on this host' },
  ENETUNREACH: { kind: 'transient', says: 'its gateway is not reachable on a directly connected network (yet)' },
  EHOSTUNREACH: { kind: 'transient', says: 'its gateway is not reachable (yet)' },
  EADDRNOTAVAIL: { kind: 'transient', says: 'the address is not there (yet)' },
  ENODEV: { kind: 'vanished', says: 'its device is gone' },
  ENXIO: { kind: 'vanished', says: 'its device is gone' },
  ENETDOWN: { kind: 'vanished', says: 'its device is down' },
  EEXIST: { kind: 'conflict', says: 'something else is in its place; remove that, or leave the place to it' },
  EADDRINUSE: { kind: 'conflict', says: 'its UDP port is taken by another socket; free it or choose another Port' },
  EPERM: { kind: 'denied', says: 'not permitted: selvage needs CAP_NET_ADMIN in this network namespace' },
  EACCES: { kind: 'denied', says: 'not permitted: selvage needs CAP_NET_ADMIN in this network namespace' },
  EROFS: { kind: 'denied', says: 'not permitted: the file system is mounted read-only' },
  EINVAL: { kind: 'invalid', says: 'the kernel refuses it as it is' },
  EOPNOTSUPP: { kind: 'invalid', says: 'this kernel does not support it' },
  EAFNOSUPPORT: { kind: 'invalid', says: 'this kernel does not support it' },
  ERANGE: { kind: 'invalid', says: 'a number in it is outside what the kernel takes' },
  ENOSPC: { kind: 'invalid', says: 'a table of the kernel is full' },
};

/** The kernel says this while the object that a route stands on has just gone: it is made again, and so is the route. */
const NEXTHOP_GONE = /nexthop id does not exist/i;
/** And this while the gateway is an address of the device itself: our earlier subnet is a peer's, and the address goes with our new lease. */
const GATEWAY_IS_OWN = /nexthop has invalid gateway/i;

/**
 * The failure of `what` ("route 10.5.34.0/24") for a positive errno and the kernel's own words about it ("" for none).
 * `cure` replaces the table's sentence where more is known.
 */
export function failureOf(errno: number, extack: string, what: string, cure?: string): Failure {
  const code = errnoName(errno);
  const row = TABLE[code] ?? { kind: 'bug' as const, says: 'an answer that selvage does not know; please report it' };
  const passes = errno === EINVAL && (NEXTHOP_GONE.test(extack) || GATEWAY_IS_OWN.test(extack));
  const kind = passes ? 'transient' : row.kind;
  const words = extack ? `${code}, "${extack}"` : code;
  return { kind, code, message: `${what}: ${cure ?? row.says} (${words}).` };
}

/** Worth asking again at once: nothing is wrong with the question. */
export const isPassing = (errno: number): boolean =>
  errno === EINTR ||
  errno === EBUSY ||
  errno === EAGAIN ||
  errno === ENOBUFS ||
  errno === ENOMEM ||
  isSocketLost(errno);

export const isSocketLost = (errno: number): boolean => errno === EBADF || errno === ENOTSOCK || errno === ENOTCONN;

/** What a delete is told of something that is gone already; of a route on a nexthop object that it took along, EINVAL and these words. */
export const isGone = (errno: number, extack: string): boolean =>
  errno === ENOENT ||
  errno === ESRCH ||
  errno === ENODEV ||
  errno === EADDRNOTAVAIL ||
  (errno === EINVAL && NEXTHOP_GONE.test(extack));
