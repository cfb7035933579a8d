/** Owns the writing to the TUN: a packet with its virtio_net_hdr as one vector of pieces, and what a refusal means. */
import { constants } from 'node:os';
import type { Counters } from './counters.ts';
import { IOVEC, VNET, VNET_DATA_VALID } from './layout.ts';
import type { Memory } from './memory.ts';

const { EIO } = constants.errno;

export interface TunWriteCall {
  /** writev(2) to the TUN: bytes, or −errno. */
  writeVector(address: number, count: number): number;
}

export interface TunWriterParts {
  memory: Memory;
  counters: Counters;
  vnetHeader: boolean;
  calls: TunWriteCall;
}

export class TunWriter {
  readonly #parts: TunWriterParts;
  /** Two pieces: a virtio_net_hdr that says nothing or "verified", and the packet. */
  readonly #iovecs: number;
  readonly #plain: number;
  readonly #verified: number;

  constructor(parts: TunWriterParts) {
    this.#parts = parts;
    const { memory } = parts;
    this.#iovecs = memory.take(2 * IOVEC);
    this.#plain = memory.take(VNET.size);
    this.#verified = memory.take(VNET.size);
    memory.u8[this.#verified + VNET.flags] = VNET_DATA_VALID;
    memory.setSize(this.#iovecs + 8, VNET.size);
  }

  /** `verified`: whether its transport checksum is known to be right, so that the kernel need not look. */
  single(at: number, length: number, verified: boolean): void {
    const { memory, vnetHeader } = this.#parts;
    memory.setPointer(this.#iovecs, verified ? this.#verified : this.#plain);
    memory.setPointer(this.#iovecs + IOVEC, at);
    memory.setSize(this.#iovecs + IOVEC + 8, length);
    if (vnetHeader) this.#write(this.#iovecs, 2, 1, length);
    else this.#write(this.#iovecs + IOVEC, 1, 1, length);
  }

  /** `count` pieces at `iovecs`, which begin with a virtio_net_hdr and are `packets` packets of `bytes` together. */
  gathered(iovecs: number, count: number, packets: number, bytes: number): void {
    this.#write(iovecs, count, packets, bytes);
  }

  #write(iovecs: number, count: number, packets: number, bytes: number): void {
    const { memory, counters, calls } = this.#parts;
    const result = calls.writeVector(memory.address(iovecs), count);
    counters.tunWrites++;
    if (result >= 0) {
      counters.receivedPackets += packets;
      counters.receivedBytes += bytes;
    } else counters.drop(result === -EIO ? 'deviceDown' : 'writeFailed', packets);
  }
}
