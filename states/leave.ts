/**
 * Owns `selvage leave`: this host leaves the network, or is handed back to flanneld. What goes or changes is decided in reconciler/leave/.
 *
 * - It goes by what is on the host, and works without the store; the lease is given up last, and only if all went as it should.
 * - Safe to repeat: what is done already is not found any more.
 * - A dry run writes nothing, anywhere.
 */
import { maskCidr } from '../config/ipv4.ts';
import { parseSubnetEnv } from '../config/subnet-env.ts';
import { type Change, isMade, type Outcome } from '../reconciler/contracts/driver.ts';
import type { Instance } from '../reconciler/contracts/host.ts';
import type { HeldEntry, Report } from '../reconciler/contracts/report.ts';
import { StoreError } from '../reconciler/contracts/source.ts';
import { isFlannels } from '../reconciler/desired/desired.ts';
import { ENGINE_ENDED, type LeavePlan, planHandBack } from '../reconciler/leave/hand-back.ts';
import { planTakeOff } from '../reconciler/leave/take-off.ts';
import type { Step } from '../reconciler/plan/order.ts';
import { contextOf, Ownership } from '../reconciler/plan/ownership.ts';
import { mismatch } from '../reconciler/plan/verify.ts';
import { buildReport } from '../reconciler/report/build-report.ts';
import { Agent } from './agent.ts';
import { carryOut } from './carry-out.ts';
import type { HandBackWants, LeftBehind } from './companion.ts';
import type { AgentDeps } from './deps.ts';
import { listEverything } from './host-listing.ts';
import { giveUp, leaseToGiveUp, NOTHING, removeCopy } from './leave-behind.ts';

export interface LeaveOptions {
  /** Everything stays in force, in flannel's own form. */
  handBack: boolean;
  releaseLease: boolean;
  dryRun: boolean;
}

/** What is uncovered by a change (a second route in one slot) is found by the next look; two are enough, a third would be a fight. */
const MOST_PASSES = 3;

/** @throws StoreError if the store is needed and can't be asked */
export async function leaveNetwork(deps: AgentDeps, how: LeaveOptions): Promise<Report> {
  const at = deps.clock.now();
  // Of an agent only its eyes: in this mode it writes nothing.
  const agent = new Agent(deps, 'drift');
  const storeError = await lookAtStore(agent, how);
  const lease = how.releaseLease ? await leaseToGiveUp(agent) : undefined;
  const left: LeftBehind[] = [];
  for (const companion of deps.companions) {
    const parts = await companion.leave?.({ handBack: how.handBack, apply: !how.dryRun });
    if (parts) left.push(parts);
  }
  const host = new LeavingHost(agent, deps, how);
  await host.look();
  if (!how.dryRun) await host.change();
  left.push(await removeCopy(agent.lastGood.kept, deps.stateCache, how.dryRun));
  const isClear = !host.held.some(({ unmet }) => unmet) && host.outcomes.every(isMade);
  left.push(lease ? await giveUp(deps.source, lease, { dryRun: how.dryRun, isClear }) : NOTHING);
  if (storeError) left.push({ ...NOTHING, held: [notAsked(deps, storeError)] });

  const { mirror, host: view } = agent.state;
  const uplink = view.current?.uplink.name ?? '';
  return buildReport({
    mode: 'leave',
    leave: how,
    at,
    durationMs: Math.max(0, Math.round(deps.clock.now() - at)),
    host: { hostname: deps.host.hostname, iface: uplink, publicIP: view.current?.publicIP ?? '' },
    source: {
      kind: storeError ? 'cache' : deps.source.kind,
      revision: String(mirror.revision),
      complete: storeError === undefined,
      leases: mirror.leases.size,
    },
    network: {
      network: mirror.config?.network ?? host.instance.networks[0] ?? '',
      subnet: agent.state.lease.previousSubnet ?? '',
      backend: mirror.config?.backend.type ?? '',
      mtu: mtuOf(agent),
    },
    changes: host.changes,
    otherDrift: left.flatMap(({ drift }) => drift),
    outcomes: host.outcomes,
    otherOutcomes: left.flatMap(({ outcomes }) => outcomes),
    held: [...host.held, ...left.flatMap(({ held }) => held)],
  });
}

/** @returns why the store could not be asked, if it is not needed */
async function lookAtStore(agent: Agent, { releaseLease }: LeaveOptions): Promise<StoreError | undefined> {
  const { state } = agent;
  let problem: StoreError | undefined;
  try {
    await agent.store.connect();
  } catch (error) {
    if (!(error instanceof StoreError) || releaseLease) throw error;
    problem = error;
  }
  state.recall(await agent.lastGood.kept.head());
  // Without anything that names the network nobody knows which routes are ours.
  if (problem && !state.instance.networks.length) throw problem;
  await state.host.refresh();
  await state.lookAround();
  return problem;
}

class LeavingHost {
  readonly instance: Instance;
  held: HeldEntry[] = [];
  /** All that was found to be changed. */
  changes: Change[] = [];
  outcomes: Outcome[] = [];
  readonly #agent: Agent;
  readonly #deps: AgentDeps;
  readonly #how: LeaveOptions;
  #plan: LeavePlan = { steps: [], held: [] };
  readonly #done: HeldEntry[] = [];

  constructor(agent: Agent, deps: AgentDeps, how: LeaveOptions) {
    const { instance, mirror } = agent.state;
    const networks = [...instance.networks, mirror.config?.network ?? ''].filter((network) => network !== '');
    this.instance = { ...instance, networks: [...new Set(networks)] };
    this.#agent = agent;
    this.#deps = deps;
    this.#how = how;
  }

  /** Lists, and plans anew. */
  async look(): Promise<void> {
    const { instance } = this;
    const { drivers, host, options } = this.#deps;
    const { mirror, host: view } = this.#agent.state;
    const uplink = view.current?.uplink.name ?? '';
    const interest = { networks: instance.networks, devices: [], uplink, files: [options.subnetFile] };
    const nothing = new Map();
    const { haves, complete, problem } = await listEverything(drivers, interest, { instance, desired: nothing });
    const context = { instance, desired: nothing, ...contextOf(haves, complete) };
    const firewall = this.#how.handBack ? this.#firewall() : undefined;
    this.#plan = this.#how.handBack
      ? planHandBack({
          haves,
          ownership: new Ownership(context),
          defaultRpFilter: defaultRpFilter(host),
          firewall: complete ? firewall?.wants : undefined,
        })
      : planTakeOff({
          ...context,
          haves,
          scopeComplete: complete,
          nexthopObjects: host.nexthopObjects(),
          isFlannels: (route) => isFlannels(route, uplink, mirror.leases.get(route.dst)?.attrs.publicIP),
        });
    // What a change has done, and no later look can show.
    for (const entry of this.#plan.held)
      if (entry.why === ENGINE_ENDED && !this.#done.some(({ key }) => key === entry.key)) this.#done.push(entry);
    this.held = [
      ...this.#plan.held.filter(({ why }) => why !== ENGINE_ENDED),
      ...this.#done,
      ...(firewall?.held ?? []),
    ];
    if (problem !== undefined)
      this.held.push({ kind: 'link', key: '*', why: 'incomplete listing', detail: problem, unmet: true });
    const known = new Set(this.changes.map(nameOf));
    this.changes.push(...this.#planned.filter((change) => !known.has(nameOf(change))));
  }

  /** What flannel would have in the place of our rules, where it is known which host of which network this is. */
  #firewall(): HandBackWants | undefined {
    const { mirror, lease } = this.#agent.state;
    const said = parseSubnetEnv(this.#deps.previousSubnetEnv);
    const network = mirror.config?.network ?? said.network;
    const subnet = maskCidr(lease.previousSubnet ?? '');
    if (network === undefined || subnet === undefined) return undefined;
    const ipMasq = said.ipMasq ?? this.#deps.options.ipMasq;
    const view = { network, subnet, ipMasq, nftables: mirror.config?.enableNFTables ?? false };
    for (const companion of this.#deps.companions) if (companion.handBack) return companion.handBack(view);
    return undefined;
  }

  /** Carries out what was planned, looks again, and so on until nothing new is found. */
  async change(): Promise<void> {
    const tried = new Set<string>();
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const steps = this.#plan.steps
        .map((step) => ({ ...step, changes: step.changes.filter((change) => !tried.has(nameOf(change))) }))
        .filter(({ changes }) => changes.length > 0);
      if (steps.length === 0) break;
      for (const { changes } of steps) for (const change of changes) tried.add(nameOf(change));
      const last = this.#how.handBack ? steps.filter(isRulesEnd) : [];
      await this.#carryOut(steps.filter((step) => !last.includes(step)));
      // If what was to take the place of our rules isn't there, they stay.
      if (!this.outcomes.some(isFailedRule)) await this.#carryOut(last);
      await this.look();
    }
    const left = new Set(this.#planned.map(nameOf));
    this.outcomes = this.outcomes.map((outcome) => {
      if (!isMade(outcome) || !left.has(nameOf(outcome.change))) return outcome;
      return { ...outcome, result: 'failed', failure: mismatch(`${outcome.change.id} is still as it was`) };
    });
  }

  async #carryOut(steps: readonly Step[]): Promise<void> {
    this.outcomes.push(...(await carryOut(this.#deps.drivers, steps, this.outcomes)));
  }

  get #planned(): Change[] {
    return this.#plan.steps.flatMap(({ changes }) => changes);
  }
}

const isRulesEnd = ({ kind, direction }: Step): boolean => kind === 'firewall' && direction === 'down';
const isFailedRule = (outcome: Outcome): boolean => outcome.change.id.startsWith('firewall ') && !isMade(outcome);

const nameOf = ({ op, id }: Change): string => `${op} ${id}`;

function defaultRpFilter({ sysctl }: AgentDeps['host']): number | undefined {
  const value = sysctl('net.ipv4.conf.default.rp_filter');
  return value === undefined ? undefined : Number(value);
}

function mtuOf({ state: { usable, host } }: Agent): number {
  return usable && host.current ? usable.backend.mtu({ config: usable.config, host: host.current }) : 0;
}

function notAsked({ source, options }: AgentDeps, { message }: StoreError): HeldEntry {
  const detail = `${source.where} could not be asked (${message}); what is this network's was known from ${options.subnetFile} and the last good copy alone, and this host's lease stays until its end.`;
  return { kind: 'store', key: options.etcd.prefix, why: 'not asked', detail, unmet: false };
}
