/**
 * Owns the contract of a tunnel on the wire: what is inside IFLA_INFO_DATA of its device. The pure half is reconciler/tunnels/.
 * The wire has an index where a tunnel has the name of its underlay device: 0 for none.
 */
import type { Message } from '../codec/message.ts';
import type { Writer } from '../codec/writer.ts';

export interface WireTunnel<T extends { readonly type: string }> {
  readonly type: T['type'];
  /** Whether its packets' next hop is an ARP entry: then `arp off` breaks it. */
  readonly resolves?: true;
  /** What is under the cursor; the underlay device's name is left "". */
  read(m: Message): { tunnel: T; parentIndex: number };
  /** All that flannel gives a new device. */
  writeNew(w: Writer, tunnel: T, parentIndex: number): void;
  /** Those of these attributes that the kernel changes in place; undefined where it changes none. */
  writeChange?(w: Writer, change: Partial<T>, parentIndex: number): void;
}
