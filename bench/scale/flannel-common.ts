/** Owns what both of flannel's protocols do alike (docs/reference/flannel.md#acquiring-a-lease). */
import { blockAt, PREFIX } from './bed-host.ts';

export const TTL_SECONDS = 86_400;
/** What a supervisor is assumed to wait before it starts a flanneld again that has ended without a subnet, ms. */
export const SUPERVISOR_MS = 1000;
/** Without a slash at its end, as flannel has it. */
export const SUBNETS = `${PREFIX}/subnets`;
/** It chooses among so many free subnets. */
const CANDIDATES = 100;

export const keyOf = (subnet: string): string => `${SUBNETS}/${subnet.replace('/', '-')}`;
export const subnetOf = (key: string): string => key.slice(SUBNETS.length + 1).replace('-', '/');

/** One of the first that are free, at random; undefined if none is. All are of one length here. */
export function chooseSubnet(hosts: number, taken: ReadonlySet<string>): string | undefined {
  const free: string[] = [];
  for (let n = 0; n < hosts && free.length < CANDIDATES; n++) if (!taken.has(blockAt(n))) free.push(blockAt(n));
  return free[Math.floor(Math.random() * free.length)];
}

/** What a vxlan host writes, with the fields of 0.11 (v2) or of later ones (v3). */
export function leaseValue(address: string, number: number, form: 'v2' | 'v3'): string {
  const mac = `02:00:00:00:${hex(number >> 8)}:${hex(number & 255)}`;
  return form === 'v2'
    ? `{"PublicIP":"${address}","BackendType":"vxlan","BackendData":{"VtepMAC":"${mac}"}}`
    : `{"PublicIP":"${address}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
