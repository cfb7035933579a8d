/** Reads what the kernel counts and how full its tables are, from /proc. What isn't there is left out. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Facts } from '../../reconciler/doctor/facts.ts';
import { programName } from '../host/program-name.ts';

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** "Udp.InCsumErrors" and so on, of /proc/net/snmp and netstat: a line of names, then one of numbers. */
export function parseCounters(text: string): Record<string, number> {
  const counters: Record<string, number> = {};
  const lines = text.split('\n');
  for (let i = 0; i + 1 < lines.length; i++) {
    const [group = '', ...names] = lines[i]!.split(' ');
    const [same = '', ...values] = lines[i + 1]!.split(' ');
    if (!group || group !== same || !Number.isNaN(Number(names[0]))) continue;
    for (const [at, name] of names.entries()) counters[`${group.slice(0, -1)}.${name}`] = Number(values[at]);
  }
  return counters;
}

export const readCounters = (): Record<string, number> =>
  parseCounters(`${readText('/proc/self/net/snmp')}\n${readText('/proc/self/net/netstat')}`);

/** Sockets of processes, by local port; the kernel's own (a vxlan device's) have no inode. Of `ports` only, and by whose they are. */
export function udpPorts(ports: readonly number[]): Map<number, string> {
  const found = new Map<number, string>();
  for (const file of ['udp', 'udp6']) {
    for (const line of readText(`/proc/self/net/${file}`).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const port = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16);
      const inode = fields[9] ?? '0';
      if (ports.includes(port) && inode !== '0' && !found.has(port)) found.set(port, ownerOf(inode));
    }
  }
  return found;
}

function ownerOf(inode: string): string {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (links.includes(`socket:[${inode}]`)) return `${programName(pid)} (pid ${pid})`;
    } catch {
      // It has ended, or isn't ours to look at.
    }
  }
  return 'a program';
}

/** Of the whole machine; shown in its initial network namespace only. */
export function neighbourTable(sysctl: Facts['sysctl']): Facts['neighbourTable'] {
  const most = Number(sysctl('net.ipv4.neigh.default.gc_thresh3'));
  const [head = '', ...cpus] = readText('/proc/self/net/stat/arp_cache').trim().split('\n');
  const names = head.trim().split(/\s+/);
  if (!most || !cpus.length) return undefined;
  const column = (name: string): number[] =>
    cpus.map((line) => Number.parseInt(line.trim().split(/\s+/)[names.indexOf(name)] ?? '0', 16) || 0);
  const overflows = column('table_fulls').reduce((sum, one) => sum + one, 0);
  return { entries: column('entries')[0]!, most, overflows };
}

/** undefined where nothing is tracked. */
export function conntrack(sysctl: Facts['sysctl']): Facts['conntrack'] {
  const entries = sysctl('net.netfilter.nf_conntrack_count');
  const most = sysctl('net.netfilter.nf_conntrack_max');
  return entries === undefined || most === undefined ? undefined : { entries: Number(entries), most: Number(most) };
}
