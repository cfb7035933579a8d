/** Owns `selvage run`, the daemon: what it serves, what it tells systemd, and how a signal ends it. */
import { closeAll, composeDeps, requirePermission } from '../compose.ts';
import { configKey } from '../config/lease-key.ts';
import type { Options } from '../config/options.ts';
import { openLog } from '../drivers/log/logger.ts';
import { tellServiceManager } from '../drivers/systemd/service.ts';
import { EXIT } from '../reconciler/report/exit-code.ts';
import { Agent } from '../states/agent.ts';
import type { Daemon } from '../states/daemon.ts';
import { statusLine } from '../states/status-line.ts';
import { VERSION } from '../version.ts';

/** Ends with SIGTERM or SIGINT. @throws StoreError, RunError, UsageError */
export async function run(options: Options): Promise<number> {
  requirePermission();
  // What only the daemon needs is loaded only here: a repair run's start counts.
  const { startDaemon } = await import('../states/daemon.ts');
  const { startLevelPass } = await import('../drivers/schedule/level-pass.ts');
  const { checkCron } = await import('../drivers/schedule/cron-expression.ts');
  checkCron('resync', options.resync, '"* * * * *" is every minute');
  const log = await openLog(options.logLevel);
  const levelPass = (pass: () => void) => startLevelPass(options.resync, Math.random, pass);
  const deps = { ...(await composeDeps(options, log)), levelPass };
  let ready = false;
  const agent = new Agent(deps, 'run', () => {
    ready = true;
    service.ready();
  });
  const stopHealth = await serve(options, agent, () => ready);
  log.info({ version: VERSION, prefix: options.etcd.prefix, store: deps.source.where }, `selvage ${VERSION} starts.`);
  if (options.ignored.length)
    log.info(
      { flags: options.ignored },
      `Accepted for flanneld's sake and without effect here: --${options.ignored.join(', --')}.`,
    );

  for (const sentence of options.unknownEnv) log.warn({}, sentence);
  let running: Daemon | undefined;
  const service = tellServiceManager({
    stepMs: () => running?.stepMs() ?? 0,
    status: () => statusLine(agent, deps.source.where, configKey(options.etcd.prefix)),
  });
  running = startDaemon(agent, () => service.changed());
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, `${signal}: finishing the change in hand.`);
    service.stopping();
    running?.stop();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    await running.done;
    await agent.lastGood.writer.flush();
    return EXIT.ok;
  } finally {
    stopHealth();
    service.close();
    await closeAll(deps);
  }
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
