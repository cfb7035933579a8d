/** Reads kernel settings from /proc/sys. Read only: selvage reports what is wrong with them and changes none. */
import { readFileSync } from 'node:fs';
import { inNetns } from '../netlink/netns.ts';

/**
 * The value of "net.ipv4.ip_forward" without its line end; undefined if this kernel has no such setting or it can't be read. A dot in a
 * device's name is written as a slash, as sysctl(8) has it: "net.ipv4.conf.flannel/1.rp_filter". `netns` is a namespace's file.
 */
export function readSysctl(name: string, netns?: string): string | undefined {
  const path = name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
  try {
    return inNetns(netns, () => readFileSync(`/proc/sys/${path}`, 'utf8')).trimEnd();
  } catch {
    return undefined;
  }
}
