/**
 * Owns who computes checksums, and who looks at them: between two veths nobody does either, unless the kernel is told that the devices can't
 * (linux/ethtool.h).
 */
import assert from 'node:assert/strict';
import koffi from 'koffi';
import { libc, loadLibc } from '../../drivers/netlink/libc.ts';
import { inNetns } from '../../drivers/netlink/netns.ts';
import type { Netns } from './netns.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_SET = { rx: 0x15, tx: 0x17 } as const;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/** As `ethtool -K DEVICE rx|tx on|off`; off: the kernel does it itself, and drops what comes with a wrong one. */
export function setChecksumOffload(ns: Netns, device: string, side: 'rx' | 'tx', on: boolean): void {
  const ioctl = loadLibc().func('int ioctl(int, unsigned long, void *)');
  inNetns(ns.path, () => {
    const fd = libc().socket(AF_INET, SOCK_DGRAM, 0);
    try {
      const value = Buffer.from(Uint32Array.of(ETHTOOL_SET[side], on ? 1 : 0).buffer);
      const request = Buffer.alloc(IFREQ_BYTES);
      request.write(device, 'latin1');
      request.writeBigUInt64LE(koffi.address(value), NAME_BYTES);
      assert.equal(ioctl(fd, SIOCETHTOOL, request), 0, `ethtool -K ${device} ${side}`);
    } finally {
      libc().close(fd);
    }
  });
}
