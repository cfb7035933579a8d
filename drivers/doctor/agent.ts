/** Reads who keeps this host's part of the network, and whose machine it is. */
import { statSync } from 'node:fs';
import { lockFiles } from '../host/instance-lock.ts';
import { readText } from './counters.ts';

/** Pid of the daemon that has the instance's lock; undefined without one. The lock itself isn't touched: that could keep a daemon from starting. */
export function daemonPid(instance: { prefix: string; subnetFile: string }): number | undefined {
  const locks = readText('/proc/locks');
  for (const path of lockFiles(instance)) {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino;
    const holder =
      inode && new RegExp(`FLOCK\\s+ADVISORY\\s+WRITE\\s+(\\d+)\\s+\\S+:\\S+:${inode}\\s`).exec(locks)?.[1];
    if (holder) return Number(holder);
  }
  return undefined;
}

/** Whose machine this is, as far as its firmware says; "" for nobody's cloud. */
export function cloudOf(folder = '/sys/class/dmi/id'): string {
  const read = (name: string): string => readText(`${folder}/${name}`).trim();
  const vendor = read('sys_vendor');
  if (/Amazon/.test(vendor) || /^Amazon/.test(read('bios_vendor'))) return 'Amazon EC2';
  if (/Google/.test(vendor)) return 'Google';
  if (/OpenStack/.test(vendor) || /OpenStack/.test(read('product_name'))) return 'an OpenStack';
  // Of every virtual machine of Azure's, and of no other of Microsoft's.
  return read('chassis_asset_tag') === '7783-7084-3265-9085-8269-3286-77' ? 'Azure' : '';
}
