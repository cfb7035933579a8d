/**
 * Owns what a tun device is here: flannel0, which the udp backend makes (flannel: backend/udp, `flannel%d`), with the engine that moves its
 * packets. It lives as long as some process has it open: one that is there belongs to somebody who is alive.
 */
import type { TunnelRules } from './tunnel.ts';

export interface TunTunnel {
  readonly type: 'tun';
  /** Where our engine behind it receives; "" if there is none of ours behind it, or it doesn't answer. */
  local: string;
  /** UDP port, of our engine; 0 if there is none. */
  port: number;
}

export const TUN_DEVICE = 'flannel0';
/** flannel's Backend.Port. */
export const DEFAULT_UDP_PORT = 8285;

export const tunTunnel: TunnelRules<TunTunnel> = {
  type: 'tun',
  backend: 'udp',
  fields: ['local', 'port'],
  // The engine changes behind the device, which stays with all that is on it.
  fixed: [],
  knownBy: [],
  canClash: false,
  hasFdb: false,
  knownByRoute: true,
  livesByEngine: true,
  isNamed: (name) => name === TUN_DEVICE,
  isForm: (name) => name === TUN_DEVICE,
  isOursUnmarked: (tunnel) => tunnel !== undefined && tunnel.local !== '',
  asMade: (want) => want,
  clash: () => undefined,
  listens: ({ port, local }) => ({ port, address: local }),
  what: () => 'a tun device of another program (a flanneld?)',
  apart: 'a host has room for one network of udp: give one of the two another backend',
  text: (tunnel) => `tun${engine(tunnel)}`,
  arguments: () => [],
  describe: (tunnel) => `tun${engine(tunnel) || ' without an engine of ours'}`,
};

const engine = ({ local, port }: TunTunnel): string => (local ? ` engine ${local}:${port}` : '');
