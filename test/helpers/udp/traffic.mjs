/**
 * Owns the traffic of the udp tests, run inside a namespace. Plain JavaScript, for it starts often.
 *
 *   udp-echo PORT                        sends back what comes
 *   udp-send HOST PORT LENGTH,…          sends a datagram of each length until it is back; prints the lengths that came back whole
 *   tcp-sink PORT STREAMS                prints the SHA-256 of each stream, sorted, and ends
 *   tcp-send HOST PORT STREAMS BYTES     sends random bytes; prints the SHA-256 of each stream, sorted
 *   relay PORT A B LOSS SWAP             passes datagrams between the hosts A and B; of a thousand, LOSS are lost and SWAP come late
 *
 * Each prints "ready" first if it listens.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [mode, ...args] = process.argv.slice(2);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

function udpEcho(port) {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  socket.bind(Number(port), () => say('ready'));
}

async function udpSend(host, port, lengths) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, resolve));
  const whole = [];
  for (const length of lengths.split(',').map(Number)) {
    const data = randomBytes(length);
    for (let tries = 0; tries < 20; tries++) {
      const came = new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000);
        socket.once('message', (answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
      });
      socket.send(data, Number(port), host);
      const answer = await came;
      socket.removeAllListeners('message');
      if (!answer?.equals(data)) continue;
      whole.push(length);
      break;
    }
  }
  socket.close();
  say(whole);
}

function tcpSink(port, streams) {
  const digests = [];
  const server = createServer((socket) => {
    const hash = createHash('sha256');
    socket.on('data', (data) => hash.update(data));
    socket.on('error', (error) => say({ error: error.message }));
    socket.on('end', () => {
      digests.push(hash.digest('hex'));
      socket.end();
      if (digests.length < Number(streams)) return;
      say(digests.sort());
      server.close();
    });
  });
  server.listen(Number(port), () => say('ready'));
}

async function tcpSend(host, port, streams, bytes) {
  const one = () =>
    new Promise((resolve, reject) => {
      const hash = createHash('sha256');
      const socket = connect(Number(port), host);
      socket.on('error', reject);
      let left = Number(bytes);
      const more = () => {
        while (left > 0) {
          const data = randomBytes(Math.min(left, 200_000));
          left -= data.length;
          hash.update(data);
          if (!socket.write(data)) return socket.once('drain', more);
        }
        socket.end();
      };
      socket.once('connect', more);
      socket.resume().once('close', () => resolve(hash.digest('hex')));
    });
  say((await Promise.all(Array.from({ length: Number(streams) }, one))).sort());
}

function relay(port, a, b, loss, swap) {
  const socket = createSocket('udp4');
  let state = 12_345;
  const below1000 = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(state / 65_536) % 1000;
  };
  socket.on('message', (data, from) => {
    const to = from.address === a ? b : a;
    if (below1000() < Number(loss)) return;
    const late = below1000() < Number(swap) ? 3 : 0;
    if (late) setTimeout(() => socket.send(data, Number(port), to), late);
    else socket.send(data, Number(port), to);
  });
  socket.bind(Number(port), () => {
    socket.setRecvBufferSize(4 << 20);
    say('ready');
  });
}

await { 'udp-echo': udpEcho, 'udp-send': udpSend, 'tcp-sink': tcpSink, 'tcp-send': tcpSend, relay }[mode](...args);
