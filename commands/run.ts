/** Owns `selvage run`, the daemon: what it serves, what it tells systemd, and how a signal ends it. */
import { closeAll, composeDeps, requirePermission } from '../compose.ts';
import { configKey } from '../config/lease-key.ts';
import { tooFewFiles } from '../config/open-files.ts';
import type { Options } from '../config/options.ts';
import { takeInstanceLock } from '../drivers/host/instance-lock.ts';
import { openLog } from '../drivers/log/logger.ts';
import { tellServiceManager } from '../drivers/systemd/service.ts';
import { isMade } from '../reconciler/contracts/driver.ts';
import { EXIT } from '../reconciler/report/exit-code.ts';
import { Agent } from '../states/agent.ts';
import type { Daemon } from '../states/daemon.ts';
import type { Log } from '../states/deps.ts';
import { statusLine } from '../states/status-line.ts';
import { VERSION } from '../version.ts';
import { serveStatus } from './served.ts';

/** How soon a lock that another had is tried again. */
const LOCK_RETRY_MS = 5000;

/** Ends with SIGTERM or SIGINT. @throws StoreError, RunError, UsageError */
export async function run(options: Options): Promise<number> {
  requirePermission();
  const stop = stopOnSignal();
  // What only the daemon needs is loaded only here: a repair run's start counts.
  const { startDaemon } = await import('../states/daemon.ts');
  const { startLevelPass } = await import('../drivers/schedule/level-pass.ts');
  const { checkCron } = await import('../drivers/schedule/cron-expression.ts');
  checkCron('resync', options.resync, '"* * * * *" is every minute');
  const log = await openLog(options.logLevel, options.logFormat);
  const levelPass = (pass: () => void) => startLevelPass(options.resync, Math.random, pass);
  const deps = { ...(await composeDeps(options, log)), levelPass };
  const lock = holdInstanceLock(options, log);
  let ready = false;
  const agent = new Agent(deps, 'run', () => {
    ready = true;
    service.ready();
  });
  const stopHealth = await serve(options, agent, () => ready && hasSubnetFile(agent, options.subnetFile));
  if (stop.signal !== undefined) {
    log.info({ signal: stop.signal }, `${stop.signal}: ended before anything was begun.`);
    stopHealth();
    lock.release();
    await closeAll(deps);
    return EXIT.ok;
  }
  log.info({ version: VERSION, prefix: options.etcd.prefix, store: deps.source.where }, `selvage ${VERSION} starts.`);
  if (options.ignored.length)
    log.info(
      { flags: options.ignored },
      `Accepted for flanneld's sake and without effect here: --${options.ignored.join(', --')}.`,
    );
  for (const sentence of [...options.unknownEnv, ...tooFewFiles()]) log.warn({}, sentence);
  let running: Daemon | undefined;
  const service = tellServiceManager({
    stepMs: () => running?.stepMs() ?? 0,
    status: () => statusLine(agent, deps.source.where, configKey(options.etcd.prefix)),
  });
  running = startDaemon(agent, () => service.changed());
  stop.by = (signal) => {
    log.info({ signal }, `${signal}: finishing the change in hand.`);
    service.stopping();
    running?.stop();
  };
  const stopStatus = await serveStatus({
    options,
    agent,
    daemon: running,
    drivers: deps.drivers,
    log,
    source: deps.source,
    clock: deps.clock,
  });
  try {
    await running.done;
    await agent.lastGood.writer.flush();
    return EXIT.ok;
  } finally {
    await stopStatus();
    stopHealth();
    service.close();
    lock.release();
    await closeAll(deps);
  }
}

/** Hears a signal from the very start. `by` is told of it; `signal` keeps one that came before there was a `by`. */
function stopOnSignal(): { signal: NodeJS.Signals | undefined; by: ((signal: NodeJS.Signals) => void) | undefined } {
  const stop: ReturnType<typeof stopOnSignal> = { signal: undefined, by: undefined };
  const heard = (signal: NodeJS.Signals): void => {
    if (stop.by) stop.by(signal);
    else stop.signal = signal;
  };
  process.once('SIGTERM', heard);
  process.once('SIGINT', heard);
  return stop;
}

/** By it `selvage leave` knows that this daemon runs; the second of one network says so, and takes it when the first has gone. */
function holdInstanceLock(options: Options, log: Log): { release(): void } {
  const network = { prefix: options.etcd.prefix, subnetFile: options.subnetFile };
  let lock = takeInstanceLock(network);
  if (lock.heldBy === undefined) return lock;
  log.warn(
    { pid: lock.heldBy },
    `Another selvage (pid ${lock.heldBy}) runs for the network at ${options.etcd.prefix} on this host; both work towards the same state, but one is enough: stop one of them, or give this one its own --etcd-prefix.`,
  );
  const timer = setInterval(() => {
    lock = takeInstanceLock(network);
    if (lock.heldBy === undefined) clearInterval(timer);
  }, LOCK_RETRY_MS).unref();
  return {
    release: () => {
      clearInterval(timer);
      lock.release();
    },
  };
}

/** Who waits for "ready" reads subnet.env next. */
function hasSubnetFile({ journal }: Agent, path: string): boolean {
  const { held, outcomes } = journal.lastReport ?? { held: [], outcomes: [] };
  const isIt = ({ kind, key }: { kind: string; key: string }): boolean => kind === 'file' && key === path;
  return !held.some((entry) => entry.unmet && isIt(entry)) && outcomes.every((one) => !isIt(one) || isMade(one));
}

async function serve(options: Options, agent: Agent, ready: () => boolean): Promise<() => void> {
  const { ip, port } = options.healthz;
  if (port === 0) return () => {};
  const { serveHealth } = await import('../drivers/health/server.ts');
  return serveHealth(ip, port, {
    ready,
    report: () => agent.journal.lastReport && `${JSON.stringify(agent.journal.lastReport, null, 2)}\n`,
  });
}
