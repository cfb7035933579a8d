/**
 * Owns the one block of memory in which all packets and all structures for the kernel lie, and how it is divided.
 *
 * - Everything is addressed by its offset; `address(offset)` is what a system call gets, as a number. The block never moves or grows.
 * - It is WebAssembly's where that runs, so that the sums are taken where the kernel has put the packets.
 */
const PAGE = 65_536;

export class Memory {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  /** Undefined without WebAssembly. */
  readonly wasm: WebAssembly.Memory | undefined;
  readonly #base: number;
  #taken = 16; // offset 0 is nobody's

  /** `addressOf` tells where an array lies. `bytes` is rounded up to whole pages. */
  constructor(bytes: number, addressOf: (array: Uint8Array) => number, wasm = typeof WebAssembly === 'object') {
    const pages = Math.ceil(bytes / PAGE);
    this.wasm = wasm ? new WebAssembly.Memory({ initial: pages, maximum: pages }) : undefined;
    const buffer = this.wasm?.buffer ?? new ArrayBuffer(pages * PAGE);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.#base = addressOf(this.u8);
  }

  /** The offset of `bytes` that are nobody else's, on a multiple of 16. */
  take(bytes: number): number {
    const at = this.#taken;
    this.#taken = (at + bytes + 15) & ~15;
    if (this.#taken > this.u8.length) throw new Error('The memory of the udp data path is too small for its buffers.');
    return at;
  }

  address(offset: number): number {
    return this.#base + offset;
  }

  /** Writes a pointer to `target` at `at` (a multiple of 8). */
  setPointer(at: number, target: number): void {
    this.setSize(at, this.#base + target);
  }

  /** Writes a 64-bit number below 2^53 at `at` (a multiple of 8). */
  setSize(at: number, value: number): void {
    this.u32[at >>> 2] = value >>> 0;
    this.u32[(at >>> 2) + 1] = Math.floor(value / 4_294_967_296);
  }

  /** Big-endian, as the network has it. */
  get16(at: number): number {
    return (this.u8[at]! << 8) | this.u8[at + 1]!;
  }

  set16(at: number, value: number): void {
    this.u8[at] = value >>> 8;
    this.u8[at + 1] = value;
  }

  get32(at: number): number {
    return this.view.getUint32(at);
  }

  set32(at: number, value: number): void {
    this.view.setUint32(at, value);
  }
}
