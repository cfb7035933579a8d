/**
 * Owns what a running daemon can be asked, by `selvage status` over its control socket and over HTTP (--http), and what it says of itself
 * to the others (--fleet). Who answers is loaded with the
 * first who asks (drivers/http/open.ts); a daemon that nobody asks pays for the listening sockets and no more.
 */
import type { Socket } from 'node:net';
import { controlSocketPath } from '../config/control-socket.ts';
import { httpUrl, isLoopback } from '../config/http-address.ts';
import type { Options } from '../config/options.ts';
import { openControlSocket } from '../drivers/control/socket.ts';
import type { StatusSource } from '../drivers/http/source.ts';
import type { Driver } from '../reconciler/contracts/driver.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import type { Agent } from '../states/agent.ts';
import type { Daemon } from '../states/daemon.ts';
import type { Clock, Log } from '../states/deps.ts';
import type { About } from '../states/status.ts';
import { VERSION } from '../version.ts';

export interface Served {
  options: Options;
  agent: Agent;
  daemon: Pick<Daemon, 'step'>;
  drivers: readonly Driver[];
  log: Log;
  source: Source;
  clock: Clock;
}

/** How long an answer about the fleet is good for. */
const FLEET_MS = 30_000;

type Take = (socket: Socket) => void;
type Http = typeof import('../drivers/http/open.ts');

/** Returns what ends it; it never rejects. */
export async function serveStatus(served: Served): Promise<() => Promise<void>> {
  const { options, log } = served;
  let loaded: Promise<[Http, StatusSource]> | undefined;
  /** Answers with what `make` makes of all that is loaded then. */
  const lazily = (make: (http: Http, source: StatusSource) => Take): Take => {
    let take: Promise<Take> | undefined;
    return (socket) => {
      socket.on('error', () => {});
      loaded ??= Promise.all([import('../drivers/http/open.ts'), sourceOf(served)]);
      take ??= loaded.then(([http, source]) => make(http, source));
      take
        .then((answer) => answer(socket))
        .catch((error: unknown) => {
          log.error({ error: String(error) }, 'What answers on a socket could not be loaded.');
          socket.destroy();
        });
    };
  };
  const warn = (sentence: string): void => log.warn({}, sentence);
  const ends: (() => void | Promise<void>)[] = [];

  const path = controlSocketPath(options.controlSocket, options.etcd.prefix, options.subnetFile);
  if (path !== undefined) {
    const control = openControlSocket(
      path,
      lazily((http, source) => http.controlServer(source)),
      warn,
    );
    ends.push(() => control.close());
  }
  const { http: address } = options;
  if (address) {
    const { listenHttp } = await import('../drivers/http/listen.ts');
    if (!isLoopback(address.ip))
      warn(
        `${httpUrl(address)} can be read by whoever reaches it: it names every host of the network, and asks for no password; 127.0.0.1 is for this host only.`,
      );
    const answer = lazily((http, source) => http.httpServer(source, address.ip));
    const listening = (): void => log.info({}, `The status is served at ${httpUrl(address)}.`);
    ends.push(listenHttp(address, answer, { failed: warn, listening }));
  }
  if (options.fleet) ends.push(await tellFleet(served));
  return async () => {
    await Promise.all(ends.map((end) => end()));
  };
}

/** Says to the others how this host is; returns what ends that. */
async function tellFleet(served: Served): Promise<() => Promise<void>> {
  const { agent, log, options, clock, source } = served;
  const [{ FleetWriter }, { summaryOf }, status] = await Promise.all([
    import('../states/fleet-writer.ts'),
    import('../reconciler/fleet/summary.ts'),
    sourceOf(served),
  ]);
  const writer = new FleetWriter({
    prefix: options.etcd.prefix,
    clock,
    log,
    random: Math.random,
    leases: () => source.leases,
    // Before the first round there is nothing to say but that there was none.
    subnet: () => (agent.journal.lastReport ? agent.state.lease.current?.subnet : undefined),
    hosts: () => agent.state.mirror.leases.size,
    summary: () => summaryOf(status.status(), status.report()),
  });
  const stop = agent.history.subscribe(() => writer.changed());
  return () => {
    stop();
    return writer.close();
  };
}

async function sourceOf(served: Served): Promise<StatusSource> {
  const { options, agent, daemon, drivers, log, source } = served;
  const { statusOf } = await import('../states/status.ts');
  const startedAt = Date.now() - Math.round(process.uptime() * 1000);
  const about: About = {
    version: VERSION,
    pid: process.pid,
    startedAt,
    prefix: options.etcd.prefix,
    where: source.where,
  };
  return {
    status: () => statusOf(agent, daemon.step(), about, Date.now()),
    counts: () => agent.history,
    overruns: () => drivers.reduce((sum, driver) => sum + (driver.overruns?.() ?? 0), 0),
    report: () => agent.journal.lastReport,
    fleet: options.fleet ? fleetOf(served) : async () => undefined,
    subscribe: (changed) => agent.history.subscribe(changed),
    failure: (error) =>
      log.error({ error: error instanceof Error ? error.stack : String(error) }, 'A status page could not be made.'),
  };
}

/** Asks the store twice a minute at most, however many look. */
function fleetOf({ options, agent, source }: Served): StatusSource['fleet'] {
  let last: { at: number; document: ReturnType<StatusSource['fleet']> } | undefined;
  const read = async () => {
    const [{ fleetDocument }, { leasesDocument }, { readWords }] = await Promise.all([
      import('../reconciler/report/fleet.ts'),
      import('../reconciler/report/leases.ts'),
      import('../states/fleet-words.ts'),
    ]);
    const words = await readWords(source, options.etcd.prefix, Date.now());
    return fleetDocument(leasesDocument(agent.state.mirror, source, new Map()), words, false);
  };
  return () => {
    const now = Date.now();
    if (!last || now - last.at >= FLEET_MS) last = { at: now, document: read() };
    return last.document;
  };
}
