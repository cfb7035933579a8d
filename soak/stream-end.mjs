/**
 * One end of the TCP stream, a program of its own in a host's namespace:  node stream-end.mjs server|client ADDRESS PORT SOURCE
 * The client sends a line every 20 ms, which comes back; it prints each pause of its answers over 100 ms (ms), and each time it had to connect anew.
 */
import { connect, createServer } from 'node:net';

const [role, host, port, source] = process.argv.slice(2);
const SEND_MS = 20;
const PAUSE_MS = 100;
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

if (role === 'server') {
  createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(Number(port), host, () =>
    say({ ready: true }),
  );
} else {
  let last = performance.now();
  let answers = 0;
  const begin = (isFirst) => {
    const socket = connect({ port: Number(port), host, localAddress: source });
    socket.setNoDelay(true);
    const timer = setInterval(() => socket.writable && socket.write('selvage\n'), SEND_MS);
    socket.on('data', () => {
      const now = performance.now();
      if (now - last > PAUSE_MS) say({ pause: Math.round(now - last) });
      last = now;
      answers++;
    });
    socket.on('connect', () => say(isFirst ? { ready: true } : { reconnected: true }));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      setTimeout(begin, 200, false);
    });
  };
  begin(true);
  setInterval(() => say({ answers }), 500);
}
