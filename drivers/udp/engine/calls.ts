/**
 * Owns the system calls of the data path, through koffi: addresses are numbers into the one Memory, results are C's, with −errno for an error.
 * All descriptors are non-blocking.
 */
import koffi from 'koffi';
import { loadLibc } from '../../netlink/libc.ts';
import { AF_INET, SOCKADDR_IN } from './layout.ts';
import type { Memory } from './memory.ts';

export interface EngineFds {
  tun: number;
  udp: number;
  /** A raw socket (IPPROTO_RAW) that only sends: ICMP errors. */
  icmp: number;
}

const library = loadLibc();
const read = library.func('intptr_t read(int, uintptr_t, size_t)');
const writev = library.func('intptr_t writev(int, uintptr_t, int)');
const sendmmsg = library.func('int sendmmsg(int, uintptr_t, unsigned int, int)');
const recvmmsg = library.func('int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)');
const sendto = library.func('intptr_t sendto(int, uintptr_t, size_t, int, uintptr_t, uint32_t)');
const memcpy = library.func('uintptr_t memcpy(void *, void *, size_t)');

/** Where an array lies; it stays there as long as it lives. */
export const addressOf = (array: Uint8Array): number => memcpy(array, array, 0);

export class Calls {
  readonly #fds: EngineFds;
  readonly #memory: Memory;
  readonly #name: number;

  constructor(fds: EngineFds, memory: Memory) {
    this.#fds = fds;
    this.#memory = memory;
    this.#name = memory.take(SOCKADDR_IN);
    memory.u16[this.#name >>> 1] = AF_INET;
  }

  /** One packet from the TUN, into `length` bytes at `address`. */
  readTun(address: number, length: number): number {
    const result: number = read(this.#fds.tun, address, length);
    return result < 0 ? -koffi.errno() : result;
  }

  writeVector(address: number, count: number): number {
    const result: number = writev(this.#fds.tun, address, count);
    return result < 0 ? -koffi.errno() : result;
  }

  sendMessages(address: number, count: number, flags: number): number {
    const result: number = sendmmsg(this.#fds.udp, address, count, flags);
    return result < 0 ? -koffi.errno() : result;
  }

  receiveMessages(address: number, count: number, flags: number): number {
    const result: number = recvmmsg(this.#fds.udp, address, count, flags, 0);
    return result < 0 ? -koffi.errno() : result;
  }

  /** What can't be sent is as lost as a packet on the way: nobody waits for an ICMP error. */
  sendIcmp(address: number, length: number, destination: number): void {
    this.#memory.set32(this.#name + 4, destination);
    sendto(this.#fds.icmp, address, length, 0, this.#memory.address(this.#name), SOCKADDR_IN);
  }
}
