/**
 * Owns what the agent and the engine say to each other over the engine's unix socket: a line of JSON each way.
 *
 * - A newer agent may find an older engine: `protocol` counts changes that the other side must know of, and an agent that doesn't know an
 *   engine's replaces it. Unknown members are ignored.
 * - `fds` is answered with the line and, beside it, the file descriptors (SCM_RIGHTS) in the order of `EngineFds`.
 */
import type { Counters } from './engine/counters.ts';

export const PROTOCOL = 1;

/** Subnets with the addresses of their hosts to set, and subnets to forget. */
export interface PeerDelta {
  set?: [subnet: string, host: string][];
  remove?: string[];
}

/** What an engine is started with, and is stopped for when it changes. */
export interface EngineParameters {
  /** The TUN's name: flannel0. */
  device: string;
  /** The external interface's address, where it receives. */
  address: string;
  port: number;
  /** The etcd prefix: whose engine it is. */
  prefix: string;
}

/** What of the kernel's offloads is there and in use. */
export interface EngineFeatures {
  /** Packets come from and go to the TUN with a virtio_net_hdr. */
  vnetHeader: boolean;
  /** The TUN takes and gives TCP (TSO4) and UDP (USO4) packets of several segments; its checksums may be left to us. */
  checksum: boolean;
  tso: boolean;
  uso: boolean;
  /** UDP_SEGMENT (4.18) and UDP_GRO (5.0) of the socket. */
  segment: boolean;
  gro: boolean;
  wasm: boolean;
}

/** The engine's argument. */
export interface StartArguments {
  /** Path of its control socket. */
  path: string;
  parameters: EngineParameters;
  features: Omit<EngineFeatures, 'wasm'>;
  /** False: take the sums in plain JavaScript. */
  wasm: boolean;
  /** The table to begin with. */
  peers: [subnet: string, host: string][];
}

export interface EngineState extends EngineParameters {
  protocol: number;
  pid: number;
  /** When it began, in milliseconds since 1970. */
  since: number;
  peers: number;
  features: EngineFeatures;
  counters: Omit<Counters, 'drop'>;
  /** The rights it has kept, as sentences; empty if it has none. */
  rightsKept: string[];
}

export type Request = { id: number } & (
  | { do: 'state' }
  | { do: 'peers'; delta: PeerDelta }
  /** Asks for the table of these subnets, or for all of it. */
  | { do: 'table'; subnets?: string[] }
  | { do: 'fds' }
  | { do: 'stop' }
);

export type Answer = { id: number } & (
  | { ok: true; state?: EngineState; table?: [subnet: string, host: string][] }
  | { ok: false; error: string }
);
