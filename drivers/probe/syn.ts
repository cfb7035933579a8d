/** Sends a SYN to a port that nobody listens on: its RST proves that TCP passes both ways. One that somebody listens on answers, too. */
import { connect } from 'node:net';
import type { Echo } from '../../reconciler/doctor/probed.ts';

/** discard (RFC 863): a port that is closed on nearly every host, and harmless where it isn't. */
const PORT = 9;

/** Never rejects. `waitMs` below a second: the kernel sends its SYN once. */
export function syn(target: string, waitMs: number, source?: string): Promise<Echo> {
  const sentAt = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host: target, port: PORT, ...(source === undefined ? {} : { localAddress: source }) });
    const end = (echo: Echo): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(echo);
    };
    const answered = (): void => end({ result: 'answered', ms: performance.now() - sentAt });
    const timer = setTimeout(() => end({ result: 'silent' }), waitMs);
    socket.once('connect', answered);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') answered();
      else if (error.code === 'ETIMEDOUT') end({ result: 'silent' });
      else end({ result: 'error', error: error.code ?? error.message });
    });
  });
}
