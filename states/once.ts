/**
 * Owns one pass without a daemon: the repair run (`--once`) and the drift report. With no memory, on any day, it does the right thing.
 *
 * - A drift report writes nothing, anywhere: no lease is taken, no file touched.
 * - A repair run also owes what a daemon would do in time: it renews a lease that is due.
 */
import { parseLeaseAttrs } from '../config/lease.ts';
import { configKey, leaseKey } from '../config/lease-key.ts';
import type { DriftEntry, Report } from '../reconciler/contracts/report.ts';
import { everything } from '../reconciler/contracts/scope.ts';
import { COVERS } from '../reconciler/desired/refusals.ts';
import { whyReleased } from '../reconciler/lease/choose.ts';
import { needsRewrite } from '../reconciler/lease/value.ts';
import { joinReports } from '../reconciler/report/build-report.ts';
import type { Repair } from '../reconciler/report/commands.ts';
import { Agent } from './agent.ts';
import type { AgentDeps } from './deps.ts';
import type { DesiredState, PublishedLease } from './desired-state.ts';
import { recordOf } from './own-lease.ts';
import { putConfig } from './put-config.ts';
import { RunError } from './run-error.ts';

/** One repair run. `begin` is called before the first write to the host; what it throws ends the run. @throws StoreError, RunError */
export async function repairOnce(deps: AgentDeps, begin = () => {}): Promise<Report> {
  const agent = await prepare(deps, 'once');
  const repair = (made?: DriftEntry[]): Promise<Report> => repairBy(agent, begin, made);
  if (agent.lastGood.inForce) return agent.state.desired ? repair() : agent.work.reportWithoutRound();
  const { drift } = await supposeLease(agent, deps);
  if ((await agent.lease.acquire()) !== 'held')
    return agent.state.lease.covered && agent.state.desired ? repair() : agent.work.reportWithoutRound();
  await agent.state.lease.renewIfDue();
  forget(agent, deps, agent.state.lease.takeReleased());
  const report = await repair(drift.map((entry) => madeOf(entry, agent)));
  takeOwnLease(agent, deps);
  await agent.lastGood.writer.flush();
  // The report was made before: a host that would not come up without etcd is told of it all the same.
  const { problem } = agent.lastGood.kept;
  if (problem !== undefined && !report.held.some(({ detail }) => detail === problem)) deps.log.warn({}, problem);
  return report;
}

/** One round, and another where a companion has begun something for it. `made`: what has been written to the store. */
async function repairBy(agent: Agent, begin: () => void, made: DriftEntry[] = []): Promise<Report> {
  const report = await oneRound(agent, begin, made);
  await publish(agent);
  if (!agent.acting) return report;
  await agent.acting;
  const joined = joinReports(report, await oneRound(agent, begin));
  await publish(agent);
  return joined;
}

/** What peers are told comes after what they are told of. */
async function publish(agent: Agent): Promise<void> {
  if (!agent.lastGood.inForce && agent.state.lease.unpublished && agent.state.isBuilt) await agent.lease.acquire();
}

async function oneRound(agent: Agent, begin: () => void, made: DriftEntry[] = []): Promise<Report> {
  agent.work.markDirty(everything());
  await agent.work.read();
  const changes = await planSurely(agent);
  begin();
  if (changes) await agent.work.apply();
  await agent.work.verify(made);
  return agent.journal.lastReport ?? agent.work.reportWithoutRound();
}

/**
 * What is there too many, or otherwise, may be of a lease that came since the store was listed, and that a daemon beside this run has heard of:
 * so the store is listed again before anything is written but what is missing.
 */
async function planSurely({ work, store, lastGood }: Agent): Promise<number> {
  const { changes } = await work.plan();
  if (lastGood.inForce || work.planned.changes.every(({ op }) => op === 'create')) return changes;
  await store.connect();
  return (await work.planAgain()).changes;
}

/** A lease that was taken meanwhile has a key of its own, which nobody could know before. */
function madeOf(entry: DriftEntry, { state }: Agent): DriftEntry {
  const taken = state.lease.current;
  return entry.op === 'create' && taken
    ? { ...entry, key: taken.key, want: { subnet: taken.subnet, ...taken.attrs } }
    : entry;
}

/** A single run has no watch to tell its mirror of the lease that it took. */
function takeOwnLease({ state: { mirror, lease } }: Agent, deps: AgentDeps): void {
  if (!lease.current || lease.current.modRevision <= mirror.revision) return;
  const record = recordOf(lease.current);
  mirror.applyChanges([{ op: 'put', record }], record.modRevision, deps.clock.now());
}

/** Nor of those that it gave up: nobody is to be told of what is gone, or goes. */
function forget({ state }: Agent, { clock }: AgentDeps, keys: readonly string[]): void {
  const { mirror } = state;
  if (keys.length === 0) return;
  const changes = keys.map((key) => ({ op: 'delete' as const, key, modRevision: mirror.revision }));
  state.update(mirror.applyChanges(changes, mirror.revision, clock.now()));
}

/** What a repair run would do, without doing it. @throws StoreError, RunError */
export async function reportDrift(deps: AgentDeps): Promise<Report> {
  return (await planRepair(deps)).report;
}

/** The same, with the changes themselves. @throws StoreError, RunError */
export async function planRepair(deps: AgentDeps): Promise<Repair> {
  return planFor(await prepare(deps, 'drift'), deps);
}

/** The same report, with what it was made from. @throws StoreError, RunError */
export async function lookAround(deps: AgentDeps): Promise<{ report: Report; state: DesiredState }> {
  const agent = await prepare(deps, 'drift');
  const { report } = await planFor(agent, deps);
  return { report, state: agent.state };
}

async function planFor(agent: Agent, deps: AgentDeps): Promise<Repair> {
  const without = (drift?: DriftEntry[]): Repair => ({
    report: agent.work.reportWithoutRound(drift),
    changes: [],
    wants: [],
  });
  if (agent.lastGood.inForce) return agent.state.desired ? compare(agent) : without();
  const { ours, drift } = await supposeLease(agent, deps);
  if (!ours) return without(drift);
  agent.state.suppose(ours);
  agent.state.remake();
  forget(
    agent,
    deps,
    drift.flatMap(({ op, kind, key }) => (op === 'delete' && kind === 'lease' ? key : [])),
  );
  return compare(agent, drift);
}

async function compare(agent: Agent, drift: DriftEntry[] = []): Promise<Repair> {
  agent.work.markDirty(everything());
  await agent.work.read();
  await agent.work.plan();
  const { planned } = agent.work;
  return { ...planned, report: agent.work.finishRound(drift) };
}

async function prepare(deps: AgentDeps, mode: 'once' | 'drift'): Promise<Agent> {
  const agent = new Agent(deps, mode);
  const { state } = agent;
  await agent.store.connect().catch((error: unknown) => {
    if (agent.lastGood.inForce) return;
    const { problem } = agent.lastGood.kept;
    if (problem !== undefined) deps.log.warn({}, problem);
    throw error;
  });
  if (!state.usable) {
    const { prefix } = deps.options.etcd;
    const { source } = deps;
    const held = state.held.find(({ kind, why }) => kind === 'config' && why !== 'no config');
    throw new RunError(
      'invalid',
      held?.detail ??
        `There is no network config at ${configKey(prefix)} in ${source.where} (${source.looked ?? source.kind}). Put one: ${putConfig(prefix, source.kind)}`,
    );
  }
  // Now, because the report may never come.
  if (state.tooLittleMemory) deps.log.warn({}, state.tooLittleMemory.detail);
  await state.host.refresh();
  if (!state.host.current) throw new RunError('invalid', state.host.problem ?? 'This host has no external interface.');
  await state.lookAround();
  return agent;
}

/** The lease as it would be after a repair run, and what that run would write to the store. */
async function supposeLease(agent: Agent, deps: AgentDeps): Promise<{ ours?: PublishedLease; drift: DriftEntry[] }> {
  const { state } = agent;
  const context = state.leaseContext();
  // Making sure of another's lease writes nothing.
  if (context && deps.options.lease === 'adopt') {
    const own = (await state.lease.ensure(context)) === 'held' ? state.lease.current : undefined;
    return { ...(own ? { ours: { own, published: own.attrs } } : {}), drift: [] };
  }
  const choice = context && state.lease.choose(context);
  if (!context || !choice) return { drift: [] };
  state.lease.doubt(choice, context);
  const drift: DriftEntry[] = choice.release.map((lease) => ({
    op: 'delete',
    kind: 'lease',
    key: lease.key,
    reason: whyReleased(context.mirror.config!, lease),
    have: lease.attrs,
  }));

  if (choice.action === 'outOfSubnets' && choice.why === COVERS) {
    state.lease.suppose(choice, context);
    const { covered } = state.lease;
    return { ...(covered && { ours: { own: covered, published: covered.attrs } }), drift };
  }
  if (choice.action === 'create' && (await state.lease.isBlocked(context))) return { drift };
  if (choice.action !== 'reuse') {
    const value = await context.valueFor(undefined);
    const subnet =
      choice.action === 'create' && choice.subnet === state.lease.previousSubnet ? choice.subnet : undefined;
    const reason = choice.action === 'outOfSubnets' ? choice.detail : 'this host has no lease';
    const key = subnet ? leaseKey(deps.options.etcd.prefix, subnet) : `${deps.options.etcd.prefix}/subnets/`;
    drift.push({
      op: 'create',
      kind: 'lease',
      key,
      reason,
      want: { ...(subnet ? { subnet } : {}), ...parseLeaseAttrs(value) },
    });
    return { drift };
  }

  const { lease } = choice;
  const value = await context.valueFor(lease);
  if (!needsRewrite(lease, value)) return { ours: { own: lease, published: lease.attrs }, drift };
  const attrs = parseLeaseAttrs(value);
  // As the store has it: the choice may have read our own lease as if it named today's address already.
  const have = state.mirror.allLeases.find(({ key }) => key === lease.key)?.attrs ?? lease.attrs;
  const fields = (['publicIP', 'publicIPv6', 'backendType', 'backendData'] as const).filter(
    (field) => JSON.stringify(attrs[field]) !== JSON.stringify(have[field]),
  );
  const reason = fields.length ? `differs: ${fields.join(', ')}` : "can't be read any more";
  drift.push({ op: 'update', kind: 'lease', key: lease.key, reason, fields, want: attrs, have });
  return { ours: { own: { ...lease, attrs, value }, published: have }, drift };
}
