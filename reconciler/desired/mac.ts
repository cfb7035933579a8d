/**
 * Owns which MAC address the own VTEP has. It must survive restarts and a re-created device, because every peer has it in its ARP and FDB
 * tables (flannel draws a new one at random, and peers that miss the update are cut off:
 * docs/reference/flannel-in-use.md#what-users-report, 4 and 5).
 *
 * - Derived from public IP, the device's number (its VNI) and etcd prefix, not from the machine id: cloned machines share that one, while two hosts of one network
 *   cannot share a public IP.
 */
import { createHash } from 'node:crypto';

/** "82:4b:b6:2f:54:4e", or undefined if it is no address that a VTEP can have: not a MAC, multicast, or all zeros. Any case, "-" or ":". */
export function vtepMac(text: unknown): string | undefined {
  if (typeof text !== 'string' || !/^[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}$/i.test(text)) return undefined;
  const mac = text.toLowerCase().replaceAll('-', ':');
  const multicast = Number.parseInt(mac.slice(0, 2), 16) & 1;
  return multicast || mac === '00:00:00:00:00:00' ? undefined : mac;
}

/** A locally administered unicast address (IEEE 802: second bit of the first octet set, first clear), the same for ever. */
export function deriveMac(identity: { publicIP: string; seed: number; prefix: string }): string {
  const hash = createHash('sha256').update(`${identity.publicIP}|${identity.seed}|${identity.prefix}`).digest();
  hash[0] = (hash[0]! & 0xfe) | 0x02;
  return [...hash.subarray(0, 6)].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** What the peers already know comes first, then what the device has (an upgrade from flanneld), then the derived one. */
export function chooseMac(known: { leaseMac?: unknown; deviceMac?: unknown; derived: string }): string {
  return vtepMac(known.leaseMac) ?? vtepMac(known.deviceMac) ?? known.derived;
}
