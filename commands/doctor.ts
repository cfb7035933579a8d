/** Owns `selvage doctor`: what keeps containers from reaching each other, and the cure. It makes the look that drift makes, and changes nothing. */
import { hostname } from 'node:os';
import { closeAll, composeDeps } from '../compose.ts';
import { controlSocketPath } from '../config/control-socket.ts';
import type { Options } from '../config/options.ts';
import { endpointsHealth } from '../drivers/doctor/etcd-health.ts';
import { readFacts, type Seen } from '../drivers/doctor/read.ts';
import { openLog } from '../drivers/log/logger.ts';
import { backendFor } from '../reconciler/backends/index.ts';
import { isPermanent, StoreError } from '../reconciler/contracts/source.ts';
import { doctorDocument } from '../reconciler/doctor/document.ts';
import type { Look } from '../reconciler/doctor/facts.ts';
import { withDaemons } from '../reconciler/doctor/held.ts';
import { renderDoctor } from '../reconciler/doctor/render.ts';
import { EXIT } from '../reconciler/report/exit-code.ts';
import type { AgentDeps } from '../states/deps.ts';
import type { DesiredState } from '../states/desired-state.ts';
import { lookAround } from '../states/once.ts';
import { RunError } from '../states/run-error.ts';
import { answer, formatOf, lookOf, sentenceOfEnd } from './answer.ts';

/** Exit code 2 if something is wrong. */
export async function doctor(options: Options): Promise<number> {
  const began = Date.now();
  const log = await openLog(options.logLevel, options.logFormat);
  for (const sentence of options.unknownEnv) log.warn({}, sentence);
  // The members of etcd may be slow to answer, or be gone: they are asked meanwhile.
  const health = options.stateFile === undefined ? endpointsHealth(options.etcd) : Promise.resolve([]);
  const facts = await readFacts(options, await see(options), health);
  if (options.probe !== undefined) facts.probed = await (await import('./doctor-probe.ts')).probe(facts, options.probe);
  const document = doctorDocument(facts, hostname(), Date.now() - began);
  answer(renderDoctor(document, formatOf(options), lookOf(options)));
  return document.healthy ? EXIT.ok : EXIT.drift;
}

/** Its failure is a finding, too. */
async function see(options: Options): Promise<Seen> {
  const quiet = await openLog('error', options.logFormat);
  let deps: AgentDeps | undefined;
  try {
    deps = await composeDeps({ ...options, command: 'drift' }, quiet);
    const [{ report, state }, held] = await Promise.all([lookAround(deps), heldByDaemon(options)]);
    const whole = { ...report, held: withDaemons(report.held, held) };
    return { look: lookOfState(whole, state), failure: undefined, leaseLeft: await leaseLeft(deps, report, state) };
  } catch (error) {
    return {
      look: undefined,
      failure: { what: whatFailed(error), sentence: sentenceOfEnd(error) },
      leaseLeft: undefined,
    };
  } finally {
    if (deps) await closeAll(deps);
  }
}

/** What only who writes comes to know: a right that is missing, a quota, what comes back after each repair; and whom it could not reach. */
async function heldByDaemon({ controlSocket, etcd, subnetFile }: Options): Promise<Look['report']['held']> {
  const path = controlSocketPath(controlSocket, etcd.prefix, subnetFile);
  if (path === undefined) return [];
  const { askStatus } = await import('../drivers/control/ask.ts');
  // Without a daemon, or with one that doesn't answer, the own look has to do.
  return askStatus(path).then(
    ({ held }) => held ?? [],
    () => [],
  );
}

const whatFailed = (error: unknown): 'store' | 'config' | 'host' =>
  error instanceof StoreError ? 'store' : error instanceof RunError && /config/.test(error.message) ? 'config' : 'host';

function lookOfState(report: Look['report'], state: DesiredState): Look {
  const { config, allLeases } = state.mirror;
  const host = state.host.current;
  const devices = (config && host && backendFor(config)?.deviceNames({ config, host })) ?? [];
  return { report, config, leases: allLeases, host, devices };
}

async function leaseLeft({ source }: AgentDeps, { network, source: from }: Look['report'], state: DesiredState) {
  const own = state.mirror.allLeases.find(({ subnet }) => subnet === network.subnet);
  if (!own || from.error) return undefined;
  if (isPermanent(own)) return null;
  const left = await source.leases.timeLeft([own.leaseId]).catch(() => undefined);
  return left?.get(own.leaseId)?.ttlSeconds;
}
