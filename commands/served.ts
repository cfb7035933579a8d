/**
 * Owns what a running daemon can be asked: by `selvage status` over its control socket, and over HTTP (--http). Who answers is loaded with the
 * first who asks (drivers/http/open.ts); a daemon that nobody asks pays for the listening sockets and no more.
 */
import type { Socket } from 'node:net';
import { controlSocketPath } from '../config/control-socket.ts';
import { httpUrl, isLoopback } from '../config/http-address.ts';
import type { Options } from '../config/options.ts';
import { openControlSocket } from '../drivers/control/socket.ts';
import type { StatusSource } from '../drivers/http/source.ts';
import type { Driver } from '../reconciler/contracts/driver.ts';
import type { Agent } from '../states/agent.ts';
import type { Daemon } from '../states/daemon.ts';
import type { Log } from '../states/deps.ts';
import type { About } from '../states/status.ts';
import { VERSION } from '../version.ts';

export interface Served {
  options: Options;
  agent: Agent;
  daemon: Pick<Daemon, 'step'>;
  drivers: readonly Driver[];
  log: Log;
  /** The store's address, for people. */
  where: string;
}

type Take = (socket: Socket) => void;
type Http = typeof import('../drivers/http/open.ts');

/** Returns what ends it. */
export async function serveStatus(served: Served): Promise<() => void> {
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
  const ends: (() => void)[] = [];

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
  return () => {
    for (const end of ends) end();
  };
}

async function sourceOf({ options, agent, daemon, drivers, log, where }: Served): Promise<StatusSource> {
  const { statusOf } = await import('../states/status.ts');
  const startedAt = Date.now() - Math.round(process.uptime() * 1000);
  const about: About = { version: VERSION, pid: process.pid, startedAt, prefix: options.etcd.prefix, where };
  const listeners = new Set<() => void>();
  agent.history.changed = () => {
    for (const listener of listeners) listener();
  };
  return {
    status: () => statusOf(agent, daemon.step(), about, Date.now()),
    counts: () => agent.history,
    overruns: () => drivers.reduce((sum, driver) => sum + (driver.overruns?.() ?? 0), 0),
    report: () => agent.journal.lastReport,
    subscribe(changed) {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
    failure: (error) =>
      log.error({ error: error instanceof Error ? error.stack : String(error) }, 'A status page could not be made.'),
  };
}
