/**
 * The composition root: the only file that knows everybody. It reads what people say, puts the drivers together, runs one command and
 * turns its end into an exit code (DESIGN 5). stdout carries the answer and nothing else.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeNetworkConfig } from './config/check-config.ts';
import { ConfigError, UsageError } from './config/errors.ts';
import { helpText } from './config/help.ts';
import { subnetsPrefix } from './config/lease-key.ts';
import { parseNetworkConfig } from './config/network.ts';
import { type Options, parseOptions } from './config/options.ts';
import { openDocker } from './drivers/docker/driver.ts';
import { openEtcdV3 } from './drivers/etcd/source.ts';
import { AutoSource } from './drivers/etcd-auto/source.ts';
import { openEtcdV2 } from './drivers/etcd-v2/source.ts';
import { createFileDriver } from './drivers/files/driver.ts';
import { mayAdministerNetwork } from './drivers/host/capabilities.ts';
import { readSysctl } from './drivers/host/sysctl.ts';
import { openLog } from './drivers/log/logger.ts';
import { openNetlink } from './drivers/netlink/driver.ts';
import { openStateCache } from './drivers/state-cache/cache.ts';
import { formatStateFile } from './drivers/state-file/document.ts';
import { FileSource } from './drivers/state-file/source.ts';
import { notifySystemd } from './drivers/systemd/notify.ts';
import type { Source, StoreSnapshot } from './reconciler/contracts/source.ts';
import { EXIT, exitCodeOf } from './reconciler/report/exit-code.ts';
import { leasesDocument, renderLeases } from './reconciler/report/leases.ts';
import { migrationIsWhole, renderMigration } from './reconciler/report/migration.ts';
import { type Format, render } from './reconciler/report/render.ts';
import { Mirror } from './reconciler/store/mirror.ts';
import { Agent } from './states/agent.ts';
import type { AgentDeps, Log } from './states/deps.ts';
import { runMigration } from './states/migrate.ts';
import { repairOnce, reportDrift } from './states/once.ts';
import { RunError } from './states/run-error.ts';

declare const SELVAGE_VERSION: string | undefined;
/** Put in by the build; a checkout that runs unbuilt says so. */
const VERSION = typeof SELVAGE_VERSION === 'string' ? SELVAGE_VERSION : '0.0.0-unbuilt';

// TLS to an IP address makes Node warn of itself (DEP0123): nothing that a user of ours could mend.
process.noDeprecation = true;

async function main(argv: string[]): Promise<number> {
  if (argv[0] === 'docker-opts') return dockerOpts(argv.slice(1));
  const options = parseOptions(argv, process.env);
  switch (options.command) {
    case 'help':
      return answer(helpText());
    case 'version':
      return answer(`selvage ${VERSION}\n`);
    case 'docker-opts':
      return dockerOpts(options.args);
    case 'check-config':
      return checkConfig(options.args[0] ?? '-');
    case 'leases':
      return leases(options);
    case 'migrate':
      return migration(options);
    case 'drift':
      return oneShot(options, reportDrift);
    case 'run':
      return options.once ? oneShot(options, repairOnce) : daemon(options);
  }
}

async function dockerOpts(argv: string[]): Promise<number> {
  const command = await import('./drivers/docker/opts-command.ts');
  return command.dockerOpts(argv, process.env);
}

function checkConfig(file: string): number {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new UsageError(`The config file ${file} can't be read (${(cause as Error).message}).`, undefined, { cause });
  }
  return answer(`${JSON.stringify(describeNetworkConfig(parseNetworkConfig(text)), null, 2)}\n`);
}

async function leases(options: Options): Promise<number> {
  const source = openStore(options);
  try {
    const mirror = new Mirror(options.etcd.prefix);
    const snapshot = await source.snapshot();
    if (options.format === 'state-file') return answer(stateFileOf(snapshot, options.etcd.prefix));
    mirror.applySnapshot(snapshot, Date.now());
    const ids = mirror.allLeases.map((lease) => lease.leaseId).filter((id) => id !== '0');
    const document = leasesDocument(mirror, source, await source.leases.timeLeft([...new Set(ids)]));
    return answer(await renderLeases(document, formatOf(options)));
  } finally {
    await source.close();
  }
}

async function migration(options: Options): Promise<number> {
  const { etcd, migrate } = options;
  const open = (api: 'v2' | 'v3') => openStore({ ...options, stateFile: undefined, etcd: { ...etcd, api } });
  const [from, to] = [open(migrate.from), open(migrate.to)];
  try {
    const document = await runMigration({ from, to, prefix: etcd.prefix, apply: migrate.apply });
    answer(await renderMigration(document, formatOf(options)));
    return migrationIsWhole(document) ? EXIT.ok : EXIT.failed;
  } finally {
    await Promise.allSettled([from.close(), to.close()]);
  }
}

function stateFileOf({ config, leases }: StoreSnapshot, prefix: string): string {
  const nameAt = `${subnetsPrefix(prefix)}/`.length;
  return formatStateFile(config?.value, new Map(leases.map(({ key, value }) => [key.slice(nameAt), value])));
}

async function oneShot(options: Options, run: typeof repairOnce): Promise<number> {
  if (run === repairOnce) requirePermission();
  const deps = await composeDeps(options, await openLog(options.logLevel));
  try {
    const report = await run(deps);
    answer(await render(report, formatOf(options)));
    return exitCodeOf(report);
  } finally {
    await closeAll(deps);
  }
}

async function daemon(options: Options): Promise<number> {
  requirePermission();
  // What only the daemon needs is loaded only here: a repair run's start counts.
  const { startDaemon } = await import('./states/daemon.ts');
  const { cronProblem, startLevelPass } = await import('./drivers/schedule/level-pass.ts');
  const problem = cronProblem(options.resync);
  if (problem)
    throw new UsageError(
      `--resync ${options.resync} is no cron expression (${problem}): e.g. "* * * * *" is every minute.`,
      'resync',
    );
  const log = await openLog(options.logLevel);
  const levelPass = (pass: () => void) => startLevelPass(options.resync, Math.random, pass);
  const deps = { ...(await composeDeps(options, log)), levelPass };
  let ready = false;
  const agent = new Agent(deps, 'run', () => {
    ready = true;
    notifySystemd('READY=1');
  });
  const stopHealth = await serve(options, agent, () => ready);
  log.info({ version: VERSION, prefix: options.etcd.prefix, store: deps.source.where }, `selvage ${VERSION} starts.`);
  if (options.ignored.length)
    log.info(
      { flags: options.ignored },
      `Accepted for flanneld's sake and without effect here: --${options.ignored.join(', --')}.`,
    );

  const running = startDaemon(agent);
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, `${signal}: finishing the change in hand.`);
    notifySystemd('STOPPING=1');
    running.stop();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    await running.done;
    await agent.lastGood.writer.flush();
    return EXIT.ok;
  } finally {
    stopHealth();
    await closeAll(deps);
  }
}

async function serve(options: Options, agent: Agent, ready: () => boolean): Promise<() => void> {
  const { ip, port } = options.healthz;
  if (port === 0) return () => {};
  const { serveHealth } = await import('./drivers/health/server.ts');
  return serveHealth(ip, port, {
    ready,
    report: () => agent.journal.lastReport && `${JSON.stringify(agent.journal.lastReport, null, 2)}\n`,
  });
}

function openStore({ etcd, leaseTtlSeconds, stateFile }: Options): Source {
  if (stateFile !== undefined) return new FileSource(stateFile, etcd.prefix);
  if (etcd.api === 'v3') return openEtcdV3(etcd);
  const v2 = openEtcdV2({ ...etcd, ttlSeconds: leaseTtlSeconds });
  return etcd.api === 'v2' ? v2 : new AutoSource(openEtcdV3(etcd), v2, etcd.prefix);
}

async function composeDeps(options: Options, log: Log): Promise<AgentDeps> {
  const docker = await openDockerDeps(options);
  const netlink = openNetlink();
  return {
    options,
    log,
    clock: { now: Date.now, sleep: async (ms, signal) => void (await sleep(ms, undefined, { signal })) },
    random: Math.random,
    source: openStore(options),
    // A state file is there when the host is: it needs no copy.
    ...(options.stateCache === undefined || options.stateFile !== undefined
      ? {}
      : { stateCache: openStateCache(options.stateCache) }),
    drivers: [netlink, createFileDriver()],
    ...(docker ? { docker } : {}),
    host: {
      hostname: hostname(),
      facts: async () => netlink.facts(),
      nexthopObjects: () => netlink.supportsNexthops(),
      sysctl: readSysctl,
    },
    levelPass: () => () => {},
    previousSubnetEnv: readOrEmpty(options.subnetFile),
  };
}

async function openDockerDeps({ docker, subnetFile }: Options): Promise<AgentDeps['docker']> {
  if (docker.mode === 'off') return undefined;
  const { host, restart } = docker;
  const noteFile = join(dirname(subnetFile), 'selvage-docker-restart.json');
  const driver = openDocker({ host, restartCommand: restart.command, noteFile });
  if (!restart.window) return { driver };
  const { windowOf } = await import('./drivers/schedule/window.ts');
  const { cronProblem } = await import('./drivers/schedule/level-pass.ts');
  const { begins, durationMs } = restart.window;
  const problem = cronProblem(begins);
  if (problem)
    throw new UsageError(
      `--docker-restart-window ${begins} is no cron expression (${problem}): e.g. "0 3 * * 6" is Saturdays at 3.`,
      'docker-restart-window',
    );
  return { driver, window: windowOf(begins, durationMs) };
}

function requirePermission(): void {
  if (mayAdministerNetwork()) return;
  throw new RunError(
    'denied',
    'selvage may not change links and routes here (CAP_NET_ADMIN is missing): run it as root, or give its unit AmbientCapabilities=CAP_NET_ADMIN. A drift report needs no permission.',
  );
}

async function closeAll({ source, drivers, docker }: AgentDeps): Promise<void> {
  docker?.driver.close();
  await Promise.allSettled([source.close(), ...drivers.map((driver) => driver.close())]);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function formatOf({ format }: Options): Format {
  if (format !== undefined && format !== 'state-file') return format;
  return process.stdout.isTTY ? 'table' : 'json';
}

function answer(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

function exitCodeOfEnd(error: unknown): number {
  if (error instanceof RunError) return error.exitCode;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof ConfigError) return EXIT.invalid;
  return exitCodeOf(error instanceof Error ? error : new Error(String(error)));
}

/** Ends when all is written, and not only when the last socket has given up: a connection that nobody answers takes the kernel two minutes. */
function end(code: number): void {
  const exit = () => setImmediate(() => process.exit(unwritten ? code || EXIT.failed : code));
  if (process.stdout.writableLength === 0) exit();
  else process.stdout.write('', exit);
}

let unwritten = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Who reads only the beginning, as `selvage leases | head` does, has what he wanted.
  if (error.code === 'EPIPE' || unwritten) return;
  unwritten = true;
  process.stderr.write(`selvage: The answer could not be written to standard output (${error.message}).\n`);
});

main(process.argv.slice(2)).then(end, (error: unknown) => {
  process.stderr.write(`selvage: ${error instanceof Error ? error.message : String(error)}\n`);
  end(exitCodeOfEnd(error));
});
