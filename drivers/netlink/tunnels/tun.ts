/**
 * Owns what a tun device says on the wire, which is nothing that we compare: what makes ours is the engine behind it, and drivers/udp/ knows that.
 * It is made by an ioctl of who opens it; rtnetlink refuses to.
 */
import type { TunTunnel } from '../../../reconciler/tunnels/tun.ts';
import type { WireTunnel } from './tunnel.ts';

export const tunWire: WireTunnel<TunTunnel> = {
  type: 'tun',
  read: () => ({ tunnel: { type: 'tun', local: '', port: 0 }, parentIndex: 0 }),
  writeNew: () => {},
};
