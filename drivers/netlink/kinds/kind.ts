/**
 * Owns the contract of a kind on the wire: how resources of it are listed, read, written and heard of. The pure half is reconciler/kinds/.
 *
 * - `dump`, `under` and `read` leave out what can't concern this instance (relevance.ts), and note in the reader what could not be read.
 * - `write` is for what goes in batches; a kind without it is changed one at a time (link-changes.ts).
 */
import type { Have, Kind, Link, Resource } from '../../../reconciler/kinds/index.ts';
import type { LinkRecord } from '../codec/link.ts';
import type { Writer } from '../codec/writer.ts';
import type { Reader } from '../reader.ts';

/** create: exclusive. replace: whatever is in the slot. */
export type Op = 'create' | 'replace' | 'delete';

export interface WireKind<R extends Resource> {
  readonly kind: R['kind'] & Kind;
  /** All of interest. `records`: all links. */
  dump(reader: Reader, records: readonly LinkRecord[]): Have[];
  /** Reads what is under these links. */
  under(reader: Reader, links: readonly Link[]): Have[];
  /** Those with these keys. A single read is believed only if it answers exactly the question asked. */
  read(reader: Reader, keys: string[]): Have[];
  /** Those with these keys, where one was just refused because its place is taken: also what a look-up may pass over. Default: `read`. */
  occupants?(reader: Reader, keys: string[]): Have[];
  /** Name of the device that a write must name by its index; "" for none. */
  deviceOf(resource: R): string;
  write?(w: Writer, op: Op, resource: R, index: number): void;
  /** What an event about this write says (echoes.ts), if the kernel doesn't stamp it with our port id. */
  echo?(op: Op, resource: R): { family: number; key: string } | undefined;
  /** Learned by the kernel from traffic, made by nobody: ours takes its place. */
  isDynamic?(have: R): boolean;
}
