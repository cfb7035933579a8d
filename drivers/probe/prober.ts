/** Owns the hands of a daemon that probes: an echo and a SYN to one peer at a time. The socket is opened at the first, and again after a failure. */
import type { Echo } from '../../reconciler/doctor/probed.ts';
import type { Prober } from '../../reconciler/probe/turn.ts';
import { LEAST_BYTES } from './echo-packet.ts';
import { EchoSocket } from './echo-socket.ts';
import { syn } from './syn.ts';

const BYTES = LEAST_BYTES + 56;
const WAIT_MS = 700;
const TRIES = 2;

export function openProber(): Prober {
  let socket: EchoSocket | undefined;
  const echo = async (address: string): Promise<Echo> => {
    try {
      socket ??= new EchoSocket();
      for (let attempt = 1; ; attempt++) {
        const result = await socket.echo(address, BYTES, WAIT_MS);
        if (result.result === 'too large') return { result: 'error', error: 'EMSGSIZE' };
        if (result.result !== 'silent' || attempt === TRIES) return result;
      }
    } catch (error) {
      // Without CAP_NET_RAW TCP alone has to tell.
      return { result: 'error', error: error instanceof Error ? error.message : String(error) };
    }
  };
  return {
    ask: async ({ address }) => {
      const [icmp, tcp] = await Promise.all([echo(address), syn(address, WAIT_MS)]);
      return { icmp, tcp };
    },
    close: () => socket?.close(),
  };
}
