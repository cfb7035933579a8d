/**
 * Owns how peers are asked by real packets: each by a few, some peers at a time, until a deadline.
 *
 * - Of one peer: at most three small echoes on each of overlay and underlay, one SYN, one datagram, and for the path MTU at most 16 on each.
 * - Answers come from the peer's kernel; nothing of ours runs there.
 */
import type { Echo, PeerProbed, Probed } from '../../reconciler/doctor/probed.ts';
import { askBack } from './back.ts';
import { LEAST_BYTES } from './echo-packet.ts';
import { type EchoResult, EchoSocket } from './echo-socket.ts';
import { syn } from './syn.ts';

export interface Target {
  subnet: string;
  publicIP: string;
  /** Its address on the overlay. */
  address: string;
}

export interface ProbeOptions {
  targets: readonly Target[];
  /** Bytes: of the overlay's device, and of what the underlay carries for that. */
  mtu: number;
  outerMtu: number;
  /** What is sent from on the overlay, if not what the route says. */
  source?: string;
  /** After so many ms no further peer is asked. */
  deadlineMs: number;
  /** Called when one peer more is done. */
  progress?: (done: number) => void;
}

const AT_ONCE = 32;
const SMALL_BYTES = LEAST_BYTES + 56;
const WAIT_MS = 600;
const TRIES = 3;
/** The kernel repeats a SYN after a second. */
const SYN_WAIT_MS = 950;
/** The other one tries as long before it answers. */
const BACK_WAIT_MS = 2500;
/** Every IPv4 host takes a packet of this size (RFC 791). */
const LEAST_MTU = 576;
const LARGE_TRIES = 2;
const MOST_STEPS = 12;

/** Never rejects. */
export async function probePeers(options: ProbeOptions): Promise<Pick<Probed, 'peers' | 'problem'>> {
  let overlay: EchoSocket | undefined;
  let underlay: EchoSocket | undefined;
  try {
    overlay = new EchoSocket(options.source);
    underlay = new EchoSocket();
    return { peers: await askAll(options, overlay, underlay) };
  } catch (error) {
    return { peers: [], problem: error instanceof Error ? error.message : String(error) };
  } finally {
    overlay?.close();
    underlay?.close();
  }
}

async function askAll(options: ProbeOptions, overlay: EchoSocket, underlay: EchoSocket): Promise<PeerProbed[]> {
  const until = performance.now() + options.deadlineMs;
  const peers: PeerProbed[] = [];
  const waiting = [...options.targets];
  const worker = async (): Promise<void> => {
    for (let target = waiting.shift(); target && performance.now() < until; target = waiting.shift()) {
      peers.push(await ask(target, options, overlay, underlay));
      options.progress?.(peers.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, worker));
  const order = new Map(options.targets.map(({ subnet }, i) => [subnet, i]));
  return peers.sort((a, b) => order.get(a.subnet)! - order.get(b.subnet)!);
}

async function ask(
  { subnet, publicIP, address }: Target,
  { mtu, outerMtu, source }: ProbeOptions,
  overlay: EchoSocket,
  underlay: EchoSocket,
): Promise<PeerProbed> {
  const [icmp, tcp, below] = await Promise.all([
    small(overlay, address),
    syn(address, SYN_WAIT_MS, source),
    small(underlay, publicIP),
  ]);
  const isReached = icmp.result === 'answered' || tcp.result === 'answered';
  const back = isReached ? await askBack(address, BACK_WAIT_MS, source) : undefined;
  const pathMtu = icmp.result === 'answered' ? await largest(overlay, address, mtu, icmp.ms) : undefined;
  const underlayMtu = below.result === 'answered' ? await largest(underlay, publicIP, outerMtu, below.ms) : undefined;
  return {
    subnet,
    publicIP,
    target: address,
    icmp,
    tcp,
    underlay: below,
    ...(back && { back }),
    ...(pathMtu === undefined ? {} : { pathMtu }),
    ...(underlayMtu === undefined ? {} : { underlayMtu }),
  };
}

/** A packet may be lost without anything being wrong. */
async function small(socket: EchoSocket, address: string): Promise<Echo> {
  let last: EchoResult = { result: 'silent' };
  for (let attempt = 0; attempt < TRIES; attempt++) {
    last = await socket.echo(address, SMALL_BYTES, WAIT_MS);
    if (last.result !== 'silent') break;
  }
  return last.result === 'too large' ? { result: 'error', error: 'EMSGSIZE' } : last;
}

/** The largest packet that is answered, up to `most`; undefined if not even the smallest is any more. `ms`: a round trip. */
async function largest(socket: EchoSocket, address: string, most: number, ms: number): Promise<number | undefined> {
  const wait = Math.min(WAIT_MS, 150 + 4 * ms);
  const passes = async (bytes: number, tries: number): Promise<{ passes: boolean; mtu: number }> => {
    const mtu = 0;
    for (let attempt = 0; attempt < tries; attempt++) {
      const echo = await socket.echo(address, bytes, wait);
      if (echo.result === 'answered') return { passes: true, mtu };
      if (echo.result === 'too large') return { passes: false, mtu: echo.mtu };
    }
    return { passes: false, mtu };
  };
  const whole = await passes(most, LARGE_TRIES);
  if (whole.passes) return most;
  let [low, high] = [LEAST_MTU, most];
  // Whoever refuses a packet mostly says what would pass.
  if (whole.mtu >= low && whole.mtu < high && (await passes(whole.mtu, LARGE_TRIES)).passes) return whole.mtu;
  if (!(await passes(low, LARGE_TRIES)).passes) return undefined;
  for (let step = 0; step < MOST_STEPS && high - low > 1; step++) {
    const middle = (low + high) >> 1;
    if ((await passes(middle, 1)).passes) low = middle;
    else high = middle;
  }
  return low;
}
