/** Asks a device whether it leaves checksums to the hardware, by ethtool's ioctl (linux/ethtool.h). Loads no module and changes nothing. */
import koffi from 'koffi';
import { libc, loadLibc } from '../netlink/libc.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GTXCSUM = 0x16;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/** undefined where it can't be told. */
export function checksumOffload(device: string): boolean | undefined {
  const library = loadLibc();
  const ioctl = library.func('int ioctl(int, unsigned long, void *)');
  const fd = libc().socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    const value = Buffer.from(Uint32Array.of(ETHTOOL_GTXCSUM, 0).buffer);
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(device.slice(0, NAME_BYTES - 1), 'latin1');
    // ifr_data, as a pointer.
    request.writeBigUInt64LE(koffi.address(value), NAME_BYTES);
    return ioctl(fd, SIOCETHTOOL, request) < 0 ? undefined : value.readUInt32LE(4) !== 0;
  } catch {
    return undefined;
  } finally {
    libc().close(fd);
  }
}
