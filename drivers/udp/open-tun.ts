/**
 * Owns the making of the TUN device: with what the kernel has of virtio_net_hdr and offloads, step by step down to none.
 *
 * - The device lives as long as a descriptor of it is open, and never longer (no TUNSETPERSIST): a flanneld that is started later would
 *   else be given flannel1, for it asks for flannel%d.
 * - One that is there already is never attached to (IFF_TUN_EXCL): it would be somebody else's.
 */
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { constants as os } from 'node:os';
import koffi from 'koffi';
import { cureFor } from '../../config/open-files.ts';
import { errnoName } from '../netlink/errno.ts';
import { loadLibc } from '../netlink/libc.ts';
import type { EngineFeatures } from './protocol.ts';

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TUN = 1;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_TUN_EXCL = 0x8000;
const IFNAMSIZ = 16;
const TUN_F_CSUM = 1;
const TUN_F_TSO4 = 2;
const TUN_F_TSO_ECN = 8;
/** USO4 and USO6, which the kernel takes together only (6.2). */
const TUN_F_USO = 0x60;

export type TunFeatures = Pick<EngineFeatures, 'vnetHeader' | 'checksum' | 'tso' | 'uso'>;

/** What a test leaves out to be as an older kernel. */
export interface Without {
  vnetHeader?: boolean;
  checksum?: boolean;
  tso?: boolean;
  uso?: boolean;
  segment?: boolean;
  gro?: boolean;
  wasm?: boolean;
}

/** Throws an EngineError, with the errno's name as its code. */
export function openTun(name: string, without: Without = {}): { fd: number; features: TunFeatures } {
  let fd: number;
  try {
    fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const cure = code === 'ENOENT' || code === 'ENODEV' ? 'load the module tun (modprobe tun)' : 'run selvage as root';
    throw new EngineError(
      `The device ${name} can't be made, because /dev/net/tun can't be opened (${message}): ${cureFor(cause, cure)}.`,
      code,
      cause,
    );
  }
  try {
    const vnetHeader = attach(fd, name, without);
    const features = vnetHeader ? offloads(fd, without) : { checksum: false, tso: false, uso: false };
    keepIPv6Out(name);
    return { fd, features: { vnetHeader, ...features } };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

export class EngineError extends Error {
  readonly code: string | undefined;

  constructor(message: string, code?: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const ioctlPointer = () => loadLibc().func('int ioctl(int, unsigned long, void *)');
const ioctlNumber = () => loadLibc().func('int ioctl(int, unsigned long, unsigned long)');

/** Whether packets have a virtio_net_hdr. */
function attach(fd: number, name: string, without: Without): boolean {
  const ioctl = ioctlPointer();
  const set = (flags: number): number => {
    const request = new Uint8Array(40); // struct ifreq
    request.set(Buffer.from(name).subarray(0, IFNAMSIZ - 1));
    new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
    return ioctl(fd, TUNSETIFF, request) === 0 ? 0 : koffi.errno();
  };
  const flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL;
  if (without.vnetHeader !== true) {
    const errno = set(flags | IFF_VNET_HDR);
    if (errno === 0) return true;
    if (errno !== os.errno.EINVAL) throw refused(name, errno);
  }
  const errno = set(flags);
  if (errno !== 0) throw refused(name, errno);
  return false;
}

function refused(name: string, errno: number): EngineError {
  const code = errnoName(errno);
  const why =
    errno === os.errno.EBUSY || errno === os.errno.EEXIST
      ? "there is one already, and it isn't selvage's"
      : errno === os.errno.EPERM
        ? 'CAP_NET_ADMIN is missing'
        : code;
  return new EngineError(`The device ${name} can't be made: ${why}.`, code);
}

function offloads(fd: number, without: Without): Omit<TunFeatures, 'vnetHeader'> {
  const ioctl = ioctlNumber();
  const checksum = without.checksum !== true;
  const tso = checksum && without.tso !== true;
  const uso = tso && without.uso !== true;
  const base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN;
  if (uso && ioctl(fd, TUNSETOFFLOAD, base | TUN_F_USO) === 0) return { checksum, tso, uso };
  if (tso && ioctl(fd, TUNSETOFFLOAD, base) === 0) return { checksum, tso, uso: false };
  if (checksum && ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) === 0) return { checksum, tso: false, uso: false };
  ioctl(fd, TUNSETOFFLOAD, 0);
  return { checksum: false, tso: false, uso: false };
}

/** Else the kernel gives the device a link-local address, and solicits routers through it. */
function keepIPv6Out(name: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/addr_gen_mode`, '1');
  } catch {
    // no IPv6 here, or /proc/sys is read-only: what comes is dropped and counted
  }
}
