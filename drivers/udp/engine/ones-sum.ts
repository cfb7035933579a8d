/**
 * Owns the ones' complement sum (RFC 1071) over a memory: in WebAssembly (ones-sum.wat), or in plain JavaScript where that can't run.
 * Sums are of little-endian words, folded to 16 bits and not inverted; a folded sum may be the `initial` of the next.
 */
import { fileURLToPath } from 'node:url';
import type { Memory } from './memory.ts';

export interface OnesSum {
  /** Sums `length` bytes at `at` up, added to `initial` (below 2^31). */
  sum(at: number, length: number, initial: number): number;
  /** Copies `length` bytes from `at` to `to`, which must not overlap, and sums them. */
  copySum(to: number, at: number, length: number, initial: number): number;
}

/** The assembled ones-sum.wat in base64; put in by the build. */
declare const SELVAGE_ONES_SUM: string | undefined;

/** `plain`: how the sums are taken was JavaScript, and why. */
export async function openOnesSum(memory: Memory): Promise<{ sums: OnesSum; plain?: string }> {
  if (!memory.wasm) return { sums: plainOnesSum(memory), plain: 'WebAssembly is not there' };
  try {
    return { sums: await wasmOnesSum(memory.wasm) };
  } catch (error) {
    return { sums: plainOnesSum(memory), plain: (error as Error).message };
  }
}

async function wasmOnesSum(memory: WebAssembly.Memory): Promise<OnesSum> {
  const { instance } = await WebAssembly.instantiate(await moduleBytes(), { env: { memory } });
  const { sum, copySum } = instance.exports;
  if (typeof sum !== 'function' || typeof copySum !== 'function') throw new Error('ones-sum.wat lacks a function');
  return { sum: sum as OnesSum['sum'], copySum: copySum as OnesSum['copySum'] };
}

async function moduleBytes(): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof SELVAGE_ONES_SUM === 'string') return new Uint8Array(Buffer.from(SELVAGE_ONES_SUM, 'base64'));
  const { assembleWat } = await import('../../../packaging/wat.mjs');
  return new Uint8Array(await assembleWat(fileURLToPath(new URL('./ones-sum.wat', import.meta.url))));
}

export function plainOnesSum({ u8 }: Memory): OnesSum {
  const sum = (at: number, length: number, initial: number): number => {
    let total = initial;
    const even = at + (length & ~1);
    for (let i = at; i < even; i += 2) total += u8[i]! | (u8[i + 1]! << 8);
    if (length & 1) total += u8[even]!;
    return fold(total);
  };
  const copySum = (to: number, at: number, length: number, initial: number): number => {
    u8.copyWithin(to, at, at + length);
    return sum(to, length, initial);
  };
  return { sum, copySum };
}

/** To 16 bits; of a number below 2^32. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}
