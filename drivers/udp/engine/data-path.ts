/**
 * Owns the data path: the parts put together, and when each is run. All in the one thread of its process, driven by what the kernel has
 * ready (koffi.node.poll); no timers, so that an idle network costs nothing.
 *
 * - Neither direction nor the control socket can starve another: each turn takes a bounded number of packets, and goes back to the loop.
 * - While the socket's buffer is full nothing is read from the TUN: its queue fills, and the kernel slows those who send.
 */
import { constants } from 'node:os';
import koffi, { type node } from 'koffi';
import type { EngineFeatures } from '../protocol.ts';
import { addressOf, Calls, type EngineFds } from './calls.ts';
import { Coalescer } from './coalescer.ts';
import { Counters } from './counters.ts';
import { Encap } from './encap.ts';
import { IcmpErrors } from './icmp.ts';
import { Inbox } from './inbox.ts';
import { MAX_PACKET, VNET } from './layout.ts';
import { Memory } from './memory.ts';
import { openOnesSum } from './ones-sum.ts';
import { Outbox } from './outbox.ts';
import { PeerTable } from './peers.ts';
import { TunWriter } from './tun-writer.ts';

const { EAGAIN, EINTR } = constants.errno;

/** Bytes for everything: the outbox's, the inbox's, one packet of the TUN, and the structures around them. */
const MEMORY = 1280 * 1024;
/** TUN packets in one sendmmsg, and such batches in one turn. */
const READS = 32;
const BATCHES = 4;
/** recvmmsg calls in one turn. */
const RECEIVES = 8;

export interface DataPathOptions {
  fds: EngineFds;
  port: number;
  features: Omit<EngineFeatures, 'wasm'>;
  /** False for the sums in plain JavaScript. */
  wasm: boolean;
  /** The device is gone, or a descriptor is no more: nothing can go on. Called once. */
  onEnd: (why: string) => void;
}

export class DataPath {
  readonly peers = new PeerTable();
  readonly counters = new Counters();
  readonly features: EngineFeatures;
  readonly #options: DataPathOptions;
  readonly #memory: Memory;
  readonly #calls: Calls;
  readonly #outbox: Outbox;
  readonly #encap: Encap;
  readonly #inbox: Inbox;
  readonly #packet: number;
  /** Referred to, or they stop (koffi). */
  #tunPoll: node.PollHandle | undefined;
  #udpPoll: node.PollHandle | undefined;
  #ended = false;

  static async open(options: DataPathOptions): Promise<DataPath> {
    const memory = new Memory(MEMORY, addressOf, options.wasm && typeof WebAssembly === 'object');
    const { sums, plain } = await openOnesSum(memory);
    return new DataPath(options, memory, sums, plain === undefined);
  }

  private constructor(
    options: DataPathOptions,
    memory: Memory,
    sums: Awaited<ReturnType<typeof openOnesSum>>['sums'],
    wasm: boolean,
  ) {
    const { fds, port, features } = options;
    const { counters, peers } = this;
    const { vnetHeader, uso, segment } = features;
    this.features = { ...features, wasm };
    this.#options = options;
    this.#memory = memory;
    const calls = new Calls(fds, memory);
    this.#calls = calls;
    const now = () => performance.now();
    const send = (address: number, length: number, to: number) => calls.sendIcmp(address, length, to);
    const icmp = new IcmpErrors({ memory, sums, counters, send, now });
    this.#outbox = new Outbox({ memory, counters, port, segment, calls, now });
    const writer = new TunWriter({ memory, counters, vnetHeader, calls });
    const coalescer = vnetHeader ? new Coalescer({ memory, sums, writer, uso }) : undefined;
    this.#encap = new Encap({ memory, sums, peers, outbox: this.#outbox, counters, icmp, vnetHeader });
    this.#inbox = new Inbox({ memory, counters, icmp, coalescer, writer, calls });
    this.#packet = memory.take(VNET.size + MAX_PACKET);
  }

  start(): void {
    this.#tunPoll = this.#poll(this.#options.fds.tun, { readable: true }, () => this.#outwards());
    this.#watchSocket();
  }

  stop(): void {
    this.#ended = true;
    this.#tunPoll?.close();
    this.#udpPoll?.close();
  }

  #watchSocket(): void {
    const writable = this.#outbox.blocked;
    this.#udpPoll?.close();
    this.#udpPoll = this.#poll(this.#options.fds.udp, { readable: true, writable }, () => {
      if (this.#outbox.blocked) this.#unblock();
      this.#inwards();
    });
  }

  /** `work` never throws through koffi: what it throws ends the data path. */
  #poll(fd: number, events: { readable?: boolean; writable?: boolean }, work: () => void): node.PollHandle {
    // (status, events), whatever koffi's types say: status is 0 or a libuv error, which is how a device that is gone shows.
    return koffi.node.poll(fd, events, ((status: unknown) => {
      if (this.#ended) return;
      try {
        if (status !== 0) return this.#end(`the kernel ended the waiting for packets (${String(status)})`);
        work();
      } catch (error) {
        this.#end(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    }) as () => void);
  }

  #end(why: string): void {
    this.stop();
    this.#options.onEnd(why);
  }

  #outwards(): void {
    for (let batch = 0; batch < BATCHES; batch++) {
      const more = this.#readBatch();
      if (!this.#outbox.flush()) return this.#block();
      if (!more) return;
    }
  }

  /** True if the TUN may have more. */
  #readBatch(): boolean {
    const address = this.#memory.address(this.#packet);
    const length = VNET.size + MAX_PACKET;
    for (let reads = 0; reads < READS; reads++) {
      if (!this.#outbox.hasRoom(2 * MAX_PACKET)) return true;
      const got = this.#calls.readTun(address, length);
      if (got < 0) {
        if (got !== -EAGAIN && got !== -EINTR) this.#end(`the TUN can't be read any more (errno ${-got}): it is gone`);
        return false;
      }
      this.counters.tunReads++;
      this.#encap.packet(this.#packet, got);
      if (this.#outbox.blocked) return false;
    }
    return true;
  }

  #inwards(): void {
    for (let count = 0; count < RECEIVES; count++) if (!this.#inbox.receive()) return;
  }

  #block(): void {
    this.#tunPoll?.stop();
    this.#watchSocket();
  }

  #unblock(): void {
    if (!this.#outbox.flush()) return;
    this.#watchSocket();
    this.#tunPoll?.close();
    this.#tunPoll = this.#poll(this.#options.fds.tun, { readable: true }, () => this.#outwards());
  }
}
