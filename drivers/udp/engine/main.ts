/**
 * The engine's process: takes the descriptors that it was started with (3 the TUN, 4 the socket, 5 for ICMP), serves the control socket,
 * gives up its rights and moves packets until it is told to stop or the device is gone. It outlives the agent that started it.
 *
 * Its only argument is what it is to do, as JSON (StartArguments). It says "ready" on standard output when it listens.
 */
import { writeSync } from 'node:fs';
import { PROTOCOL, type StartArguments } from '../protocol.ts';
import { listenForControl } from './control.ts';
import { DataPath } from './data-path.ts';
import { dropRights } from './rights.ts';

const FDS = { tun: 3, udp: 4, icmp: 5 };
const { path, parameters, features, wasm, peers } = JSON.parse(process.argv[2] ?? '{}') as StartArguments;

process.title = `selvage udp ${parameters.device}`;
for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => {}); // a terminal's are meant for the agent
process.on('SIGTERM', () => end(0));

function end(code: number, why?: string): void {
  if (why !== undefined) process.stderr.write(`${why}\n`);
  process.exit(code);
}

async function main(): Promise<void> {
  const since = Date.now();
  const dataPath = await DataPath.open({
    fds: FDS,
    port: parameters.port,
    features,
    wasm,
    onEnd: (why) => end(1, why),
  });
  dataPath.peers.apply({ set: peers });
  let rightsKept: string[] = [];
  await listenForControl({
    path,
    dataPath,
    fds: [FDS.tun, FDS.udp, FDS.icmp],
    state: () => ({
      ...parameters,
      protocol: PROTOCOL,
      pid: process.pid,
      since,
      peers: dataPath.peers.size,
      features: dataPath.features,
      counters: dataPath.counters,
      rightsKept,
    }),
    // After its answer has gone.
    stop: () => setTimeout(() => end(0), 20),
  });
  rightsKept = dropRights();
  dataPath.start();
  writeSync(1, 'ready\n');
}

main().catch((error: unknown) => end(1, error instanceof Error ? error.message : String(error)));
