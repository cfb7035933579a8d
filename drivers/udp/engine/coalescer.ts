/**
 * Owns what is gathered on the way in: packets of one connection that follow each other become one for the TUN, with a virtio_net_hdr that
 * tells the kernel how it was cut (the kernel's own GRO does the same for a network card).
 *
 * - Only what the kernel could cut again into exactly these packets is gathered; each one's checksums are verified first.
 * - Payloads stay where they were received; only headers are written, and a vector of pieces goes to the kernel (writev).
 * - Packets of one connection are written in the order of their coming. `flush` writes all there is; what was received may be overwritten
 *   only then.
 */
import { FlowKey, TcpFields } from './flow.ts';
import { pseudoSum, putSum, writeHeaderChecksum } from './ip-header.ts';
import { GSO_TCPV4, GSO_UDP_L4, IOVEC, IP, MAX_SEGMENTS, PSH, TCPH, UDPH, VNET, VNET_NEEDS_CSUM } from './layout.ts';
import type { Memory } from './memory.ts';
import type { OnesSum } from './ones-sum.ts';
import type { TunWriter } from './tun-writer.ts';

export interface CoalescerParts {
  memory: Memory;
  sums: OnesSum;
  writer: TunWriter;
  /** Whether UDP packets may be gathered too (USO). */
  uso: boolean;
}

/** Connections that are gathered at the same time. */
const FLOWS = 8;
/** Bytes of a gathered packet: below what an IPv4 packet may have. */
const MAX_GATHERED = 65_000;
/** A virtio_net_hdr, and the longest headers that are gathered: IPv4 without options and TCP with all. */
const HEADERS = 96;
/** So that the IPv4 header after the virtio_net_hdr begins on a word. */
const HEADER_AT = 16 - VNET.size;

class Flow {
  readonly key = new FlowKey();
  readonly headers: number;
  readonly iovecs: number;
  /** 0 while the flow is free. */
  segments = 0;
  /** The first packet, where it was received, its length and that of its headers. */
  first = 0;
  firstLength = 0;
  header = 0;
  segmentSize = 0;
  /** Bytes of the gathered packet. */
  total = 0;
  nextSeq = 0;
  nextId = 0;
  flags = 0;

  constructor(memory: Memory) {
    this.headers = memory.take(HEADERS) + HEADER_AT;
    this.iovecs = memory.take((MAX_SEGMENTS + 1) * IOVEC);
  }
}

export class Coalescer {
  readonly #parts: CoalescerParts;
  readonly #flows: Flow[];
  readonly #candidate = new FlowKey();
  readonly #tcp = new TcpFields();
  #open = 0;
  #next = 0;

  constructor(parts: CoalescerParts) {
    this.#parts = parts;
    this.#flows = Array.from({ length: FLOWS }, () => new Flow(parts.memory));
  }

  /** A whole IPv4 packet of `length` bytes at `at`, one hop less already. */
  packet(at: number, length: number): void {
    const { memory, sums, writer, uso } = this.#parts;
    const kind = this.#candidate.read(memory, at, length, uso);
    if (kind === 'other') {
      this.#flushPair(memory.get32(at + IP.source), memory.get32(at + IP.destination));
      return writer.single(at, length, false);
    }
    const flow = this.#find();
    if (kind === 'unfit' || !this.#candidate.isValid(memory, sums, at, length)) {
      if (flow) this.#flush(flow);
      return writer.single(at, length, false);
    }
    if (flow) {
      if (this.#follows(flow, at, length)) return this.#append(flow, at, length);
      this.#flush(flow);
    }
    this.#begin(flow ?? this.#free(), at, length);
  }

  flush(): void {
    if (this.#open === 0) return;
    for (const flow of this.#flows) if (flow.segments > 0) this.#flush(flow);
  }

  #find(): Flow | undefined {
    if (this.#open === 0) return undefined;
    for (let i = 0; i < FLOWS; i++) {
      const flow = this.#flows[i]!;
      if (flow.segments > 0 && flow.key.isSameFlow(this.#candidate)) return flow;
    }
    return undefined;
  }

  /** A flow that is free, or was. */
  #free(): Flow {
    if (this.#open < FLOWS) return this.#flows.find(({ segments }) => segments === 0)!;
    const oldest = this.#flows[this.#next]!;
    this.#next = (this.#next + 1) % FLOWS;
    this.#flush(oldest);
    return oldest;
  }

  #flushPair(source: number, destination: number): void {
    if (this.#open === 0) return;
    for (const flow of this.#flows)
      if (flow.segments > 0 && flow.key.source === source && flow.key.destination === destination) this.#flush(flow);
  }

  /** Whether the packet goes on where the flow ends, with headers from which the kernel would make the same. */
  #follows(flow: Flow, at: number, length: number): boolean {
    const { memory } = this.#parts;
    const key = this.#candidate;
    const payload = length - key.header;
    if (!flow.key.isAlike(key) || key.header !== flow.header) return false;
    if (payload > flow.segmentSize || flow.segments >= MAX_SEGMENTS || flow.total + payload > MAX_GATHERED)
      return false;
    if (!key.dontFragment && key.id !== flow.nextId) return false; // the kernel counts on from the first's
    if (!key.tcp) return true;
    return this.#tcp.read(memory, at).seq === flow.nextSeq && sameTcp(memory, flow.first, at, flow.header);
  }

  #begin(flow: Flow, at: number, length: number): void {
    const { memory, writer } = this.#parts;
    const key = this.#candidate;
    const payload = length - key.header;
    const flags = key.tcp ? this.#tcp.read(memory, at).flags : 0;
    if (payload === 0 || flags & PSH) return writer.single(at, length, true);
    this.#open++;
    flow.key.copy(key);
    flow.segments = 0;
    flow.first = at;
    flow.firstLength = length;
    flow.header = key.header;
    flow.segmentSize = payload;
    flow.total = key.header;
    flow.flags = 0;
    memory.setPointer(flow.iovecs, flow.headers);
    memory.setSize(flow.iovecs + 8, VNET.size + key.header);
    this.#append(flow, at, length);
  }

  #append(flow: Flow, at: number, length: number): void {
    const { memory } = this.#parts;
    const key = this.#candidate;
    const payload = length - flow.header;
    flow.segments++;
    const iovec = flow.iovecs + flow.segments * IOVEC;
    memory.setPointer(iovec, at + flow.header);
    memory.setSize(iovec + 8, payload);
    flow.total += payload;
    flow.nextId = (key.id + 1) & 0xffff;
    if (key.tcp) {
      const { seq, flags } = this.#tcp.read(memory, at);
      flow.nextSeq = (seq + payload) >>> 0;
      flow.flags |= flags;
    }
    // A shorter one is the last that the kernel would cut off; PSH says that nothing need be waited for.
    if (payload < flow.segmentSize || flow.flags & PSH) this.#flush(flow);
  }

  #flush(flow: Flow): void {
    const { memory, sums, writer } = this.#parts;
    const { u8, view } = memory;
    const { segments, first, headers, header, total } = flow;
    flow.segments = 0;
    this.#open--;
    if (segments === 1) return writer.single(first, flow.firstLength, true);
    const ip = headers + VNET.size;
    const { tcp } = flow.key;
    u8.copyWithin(ip, first, first + header);
    u8[headers + VNET.flags] = VNET_NEEDS_CSUM;
    u8[headers + VNET.gsoType] = tcp ? GSO_TCPV4 : GSO_UDP_L4;
    view.setUint16(headers + VNET.headerLength, header, true);
    view.setUint16(headers + VNET.gsoSize, flow.segmentSize, true);
    view.setUint16(headers + VNET.checksumStart, IP.size, true);
    view.setUint16(headers + VNET.checksumOffset, tcp ? TCPH.checksum : UDPH.checksum, true);
    memory.set16(ip + IP.length, total);
    writeHeaderChecksum(memory, sums, ip, IP.size);
    if (tcp) u8[ip + IP.size + TCPH.flags]! |= flow.flags & PSH;
    else memory.set16(ip + IP.size + UDPH.length, total - IP.size);
    const field = ip + IP.size + (tcp ? TCPH.checksum : UDPH.checksum);
    putSum(u8, field, pseudoSum(sums, u8, ip, total - IP.size)); // not inverted: the kernel adds the rest
    writer.gathered(flow.iovecs, segments + 1, segments, total);
  }
}

/** Whether two TCP headers say the same but for seq, PSH and checksum; headers of one length. */
function sameTcp({ u8, u32 }: Memory, one: number, other: number, header: number): boolean {
  const a = one + IP.size;
  const b = other + IP.size;
  const end = header - IP.size;
  if ((a | b) & 3) return sameBytes(u8, a, b, end);
  if (u32[(a + TCPH.ack) >>> 2] !== u32[(b + TCPH.ack) >>> 2]) return false;
  if (u8[a + TCPH.window] !== u8[b + TCPH.window] || u8[a + TCPH.window + 1] !== u8[b + TCPH.window + 1]) return false;
  if (u8[a + TCPH.urgent] !== u8[b + TCPH.urgent] || u8[a + TCPH.urgent + 1] !== u8[b + TCPH.urgent + 1]) return false;
  for (let i = TCPH.size; i < end; i += 4) if (u32[(a + i) >>> 2] !== u32[(b + i) >>> 2]) return false;
  return true;
}

function sameBytes(u8: Uint8Array, a: number, b: number, end: number): boolean {
  for (let i = TCPH.ack; i < TCPH.offset; i++) if (u8[a + i] !== u8[b + i]) return false;
  for (let i = TCPH.window; i < TCPH.checksum; i++) if (u8[a + i] !== u8[b + i]) return false;
  for (let i = TCPH.urgent; i < end; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}
