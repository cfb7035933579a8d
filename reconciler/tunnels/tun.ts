/** Owns what a tun device is here: the one that flannel's udp backend makes and leaves behind (backend/udp: `flannel%d`). */
import type { TunnelRules } from './tunnel.ts';

export interface TunTunnel {
  readonly type: 'tun';
}

export const tunTunnel: TunnelRules<TunTunnel> = {
  type: 'tun',
  backend: 'udp',
  fields: [],
  fixed: [],
  knownBy: [],
  canClash: false,
  hasFdb: false,
  knownByRoute: true,
  isNamed: (name) => name === 'flannel0',
  isForm: () => false,
  asMade: (want) => want,
  clash: () => undefined,
  what: () => 'a tun device',
  apart: 'give one of the two networks another backend',
  text: () => 'tun',
  describe: () => 'tun',
};
