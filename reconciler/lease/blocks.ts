/**
 * Owns the question "what overlaps this block of addresses?", without looking at all blocks.
 *
 * - CIDR blocks either contain one another or share nothing, so a block is found by its length and its first address.
 * - A network has leases of one length, or of two or three after its config changed: a look-up costs one Map access for each length.
 */
import { type Cidr, contains, networkOf } from '../../config/ipv4.ts';

/** Addresses in a block. */
export const sizeOf = (length: number): number => 2 ** (32 - length);

const NONE: readonly never[] = [];

/** Holds items that each have a block (without host bits); several may have the same one. */
export class BlockIndex<T extends { readonly block: Cidr }> {
  /** What is in each block, by prefix length, then by first address. */
  readonly #blocks = new Map<number, Map<number, T[]>>();

  add(item: T): void {
    const { ip, length } = item.block;
    let blocks = this.#blocks.get(length);
    if (!blocks) {
      blocks = new Map();
      this.#blocks.set(length, blocks);
    }
    const same = blocks.get(ip);
    if (!same) blocks.set(ip, [item]);
    else if (!same.includes(item)) same.push(item);
  }

  delete(item: T): void {
    const { ip, length } = item.block;
    const blocks = this.#blocks.get(length);
    const same = blocks?.get(ip);
    if (!blocks || !same?.includes(item)) return;
    if (same.length > 1) same.splice(same.indexOf(item), 1);
    else blocks.delete(ip);
    if (!blocks.size) this.#blocks.delete(length);
  }

  /** All that share an address with `block`, itself included if it is in here. */
  overlapping(block: Cidr): readonly T[] {
    const sameLength = this.#blocks.get(block.length);
    // The usual network has one length, and nothing has to be put together.
    if (sameLength && this.#blocks.size === 1) return sameLength.get(block.ip) ?? NONE;
    const found: T[] = [];
    for (const [length, blocks] of this.#blocks) {
      if (length <= block.length) {
        found.push(...(blocks.get(networkOf(block.ip, length)) ?? []));
        continue;
      }
      const inside = sizeOf(block.length) / sizeOf(length);
      // Whichever is fewer: the places inside the block, or the blocks of that length that there are.
      if (inside <= blocks.size) {
        for (let i = 0; i < inside; i++) found.push(...(blocks.get(block.ip + i * sizeOf(length)) ?? []));
      } else {
        for (const [ip, same] of blocks) if (contains(block, ip)) found.push(...same);
      }
    }
    return found;
  }
}
