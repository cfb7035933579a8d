/** Owns the hands of a daemon that probes: an echo and a SYN to one peer at a time. The socket is opened at the first, and again after a failure. */
import type { Echo } from '../../reconciler/doctor/probed.ts';
import type { Answers, Prober } from '../../reconciler/probe/turn.ts';
import { BackServer } from './back.ts';
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
  const ask = async (address: string): Promise<Answers> => {
    const [icmp, tcp] = await Promise.all([echo(address), syn(address, WAIT_MS)]);
    return { icmp, tcp };
  };
  const server = new BackServer(ask);
  return {
    ask: ({ address }) => ask(address),
    serve: (address, isPeer) => server.listen(address, isPeer),
    close: () => {
      socket?.close();
      server.close();
    },
  };
}
