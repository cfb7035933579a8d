/** Owns a kernel for the data path's parts: takes what they hand to it out of memory as the real one would, and answers as a test says. */
import { Coalescer } from '../../../drivers/udp/engine/coalescer.ts';
import { Counters } from '../../../drivers/udp/engine/counters.ts';
import { Encap } from '../../../drivers/udp/engine/encap.ts';
import { IcmpErrors } from '../../../drivers/udp/engine/icmp.ts';
import { Inbox } from '../../../drivers/udp/engine/inbox.ts';
import { Memory } from '../../../drivers/udp/engine/memory.ts';
import { openOnesSum, plainOnesSum } from '../../../drivers/udp/engine/ones-sum.ts';
import { Outbox } from '../../../drivers/udp/engine/outbox.ts';
import { PeerTable } from '../../../drivers/udp/engine/peers.ts';
import { TunWriter } from '../../../drivers/udp/engine/tun-writer.ts';

export interface Sent {
  host: number;
  port: number;
  /** Of each datagram: what UDP_SEGMENT said, or all of it. */
  size: number;
  datagrams: Uint8Array[];
}

/** Where the fake memory "lies": addresses are offsets above it, so that a pointer that isn't one shows. */
const BASE = 0x7000_0000_0000;

export interface FakeOptions {
  wasm?: boolean;
  vnetHeader?: boolean;
  uso?: boolean;
  segment?: boolean;
}

export class FakeKernel {
  readonly memory: Memory;
  readonly sent: Sent[] = [];
  /** What was written to the TUN, each with its virtio_net_hdr. */
  readonly written: Uint8Array[] = [];
  readonly icmp: Uint8Array[] = [];
  /** What the next sendmmsg answers instead: −errno, or how many it takes at most. */
  readonly sendAnswers: number[] = [];
  writeAnswer = 0;
  now = 0;

  constructor(wasm = true) {
    this.memory = new Memory(2 << 20, () => BASE, wasm);
  }

  sendMessages(address: number, count: number): number {
    const answer = this.sendAnswers.shift() ?? count;
    if (answer < 0) return answer;
    const going = Math.min(answer, count);
    for (let i = 0; i < going; i++) this.sent.push(this.#message(address - BASE + i * 64));
    return going;
  }

  writeVector(address: number, count: number): number {
    if (this.writeAnswer < 0) return this.writeAnswer;
    this.written.push(this.#vector(address - BASE, count));
    return this.written.at(-1)!.length;
  }

  #pointer(at: number): number {
    return Number(this.memory.view.getBigUint64(at, true)) - BASE;
  }

  #vector(at: number, count: number): Uint8Array {
    const pieces: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const start = this.#pointer(at + i * 16);
      const length = Number(this.memory.view.getBigUint64(at + i * 16 + 8, true));
      pieces.push(Buffer.from(this.memory.u8.subarray(start, start + length)));
    }
    return new Uint8Array(Buffer.concat(pieces));
  }

  #message(header: number): Sent {
    const { view } = this.memory;
    const name = this.#pointer(header);
    const data = this.#vector(this.#pointer(header + 16), Number(view.getBigUint64(header + 24, true)));
    const control = Number(view.getBigUint64(header + 40, true));
    const at = this.#pointer(header + 32);
    const size = control ? view.getUint16(at + 16, true) : data.length;
    const datagrams: Uint8Array[] = [];
    for (let from = 0; from < data.length; from += size) datagrams.push(data.subarray(from, from + size));
    if (datagrams.length > 64 || data.length > 65_507) throw new Error('no kernel takes that message');
    return { host: view.getUint32(name + 4), port: view.getUint16(name + 2), size, datagrams };
  }
}

/** All parts of the data path over a fake kernel. */
export async function fakeDataPath(options: FakeOptions = {}) {
  const { wasm = true, vnetHeader = true, uso = true, segment = true } = options;
  const kernel = new FakeKernel(wasm);
  const { memory } = kernel;
  const { sums, plain } = wasm ? await openOnesSum(memory) : { sums: plainOnesSum(memory), plain: undefined };
  if (plain !== undefined) throw new Error(`WebAssembly was to be tested, but: ${plain}`);
  const counters = new Counters();
  const peers = new PeerTable();
  peers.apply({
    set: [
      ['10.7.2.0/24', '192.168.70.2'],
      ['10.7.3.0/24', '192.168.70.3'],
    ],
  });
  const now = () => kernel.now;
  const send = (address: number, length: number) => {
    kernel.icmp.push(memory.u8.slice(address - BASE, address - BASE + length));
  };
  const icmp = new IcmpErrors({ memory, sums, counters, send, now });
  const outbox = new Outbox({ memory, counters, port: 8285, segment, calls: kernel, now });
  const writer = new TunWriter({ memory, counters, vnetHeader, calls: kernel });
  const coalescer = vnetHeader ? new Coalescer({ memory, sums, writer, uso }) : undefined;
  const encap = new Encap({ memory, sums, peers, outbox, counters, icmp, vnetHeader });
  const inbox = new Inbox({ memory, counters, icmp, coalescer, writer, calls: { receiveMessages: () => 0 } });
  const buffer = memory.take(3 * 65_545);
  return {
    kernel,
    counters,
    peers,
    outbox,
    sums,
    /** A packet that came from the TUN; what it became has been sent. */
    out(packet: Uint8Array): void {
      memory.u8.set(packet, buffer);
      encap.packet(buffer, packet.length);
      outbox.flush();
    },
    /** Datagrams of one batch, each in a buffer of its own place. */
    in(datagrams: Uint8Array[]): void {
      let at = buffer;
      for (const datagram of datagrams) {
        memory.u8.set(datagram, at);
        inbox.buffer(at, datagram.length, datagram.length);
        at += datagram.length + (datagram.length % 5); // on no particular boundary
      }
      coalescer?.flush();
    },
  };
}

export type FakeDataPath = Awaited<ReturnType<typeof fakeDataPath>>;
