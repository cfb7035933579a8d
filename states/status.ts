/**
 * Owns the status document, made from what the agent knows when somebody asks for it. It changes nothing, and nothing of it is kept.
 */
import { configKey } from '../config/lease-key.ts';
import type { Lease } from '../config/model.ts';
import type { Report } from '../reconciler/contracts/report.ts';
import { isPermanent } from '../reconciler/contracts/source.ts';
import type { LeaseStatus, PeerStatus, RegionStatus, Retry, Status } from '../reconciler/contracts/status.ts';
import { splitId } from '../reconciler/kinds/index.ts';
import type { Agent } from './agent.ts';
import type { Daemon } from './daemon.ts';
import type { Region } from './events.ts';
import { statusLine } from './status-line.ts';

/** What the agent doesn't know of itself. */
export interface About {
  version: string;
  pid: number;
  /** ms since the epoch. */
  startedAt: number;
  prefix: string;
  /** The store's address, for people. */
  where: string;
}

const iso = (ms: number): string => new Date(ms).toISOString();
/** null for what never comes. */
const isoOrNull = (ms: number | undefined): string | null => (ms !== undefined && Number.isFinite(ms) ? iso(ms) : null);

/** `now`: ms since the epoch. `step` is that of the work on the host, which the agent isn't told. */
export function statusOf(agent: Agent, step: ReturnType<Daemon['step']>, about: About, now: number): Status {
  const { history, journal, state } = agent;
  const { version, pid, startedAt, prefix, where } = about;
  const live = agent.work.reportWithoutRound();
  const retries = retriesOf(agent, live);
  const last = journal.lastReport;
  const { results } = history;
  const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((all, n) => all + n, 0);
  return {
    version: 1,
    at: iso(now),
    line: statusLine(agent, where, configKey(prefix)),
    inSync: last?.converged === true && live.converged && retries.length === 0,
    selvage: { version, pid, since: iso(startedAt), prefix },
    host: live.host,
    network: live.network,
    regions: {
      store: regionOf(agent, 'store', startedAt),
      lease: regionOf(agent, 'lease', startedAt),
      work: { ...regionOf(agent, 'work', startedAt), state: step.name, since: iso(now - step.ms) },
    },
    store: { ...live.source, where },
    lease: state.lease.current ? leaseOf(state.lease.current, agent, now) : null,
    retries,
    held: live.held,
    counts: {
      rounds: results.nothing + results.repaired + results.unrepaired + results.failed,
      failed: results.failed,
      found: sum(history.found),
      repaired: sum(history.repaired),
      routesLost: history.routesLost,
    },
    rounds: history.rounds,
    peers: peersOf(agent, live, retries),
  };
}

function regionOf({ history, journal }: Agent, region: Region, startedAt: number): RegionStatus {
  const trouble = journal.failureOf(region);
  const since = iso(history.since(region) ?? startedAt);
  return { state: journal.stateOf(region) || 'none', since, ...(trouble === undefined ? {} : { trouble }) };
}

function leaseOf(lease: Lease, { state }: Agent, now: number): LeaseStatus {
  const { subnet, key } = lease;
  const { times } = state.lease;
  const left = times && Math.max(0, Math.round((times.endsAt - now) / 1000));
  return {
    subnet,
    key,
    permanent: isPermanent(lease),
    endsAt: isoOrNull(times?.endsAt),
    secondsLeft: left ?? null,
    renewAt: isoOrNull(times?.renewAt),
  };
}

/** What waits for something else than time stands here only as long as it is held: it may have come right meanwhile. */
function retriesOf({ work }: Agent, { held }: Report): Retry[] {
  const isHeld = new Set(held.map(({ kind, key }) => `${kind} ${key}`));
  return work.waits.flatMap(({ id, why, times, until }) => {
    if (!Number.isFinite(until) && !isHeld.has(id)) return [];
    return [{ ...splitId(id), why, times, nextAt: isoOrNull(until) }];
  });
}

function peersOf({ history, state }: Agent, { held }: Report, retries: readonly Retry[]): PeerStatus[] {
  const own = state.desired?.context.own.subnet ?? state.lease.current?.subnet;
  const heldSubnets = new Set(
    held.flatMap(({ kind, key, unmet, peer }) => (kind === 'peer' ? key : unmet ? (peer?.subnet ?? []) : [])),
  );
  const waiting = new Set(retries.map(({ kind, key }) => state.desired?.peerOfId(`${kind} ${key}`)));
  const stateOf = (subnet: string): PeerStatus['state'] => {
    if (heldSubnets.has(subnet)) return 'held';
    return waiting.has(subnet) ? 'waiting' : 'served';
  };
  return [...state.mirror.leases.values()]
    .filter(({ subnet }) => subnet !== own)
    .map(({ subnet, attrs }): PeerStatus => {
      const loss = history.lost.of(subnet);
      const { publicIP } = attrs;
      return { subnet, publicIP, state: stateOf(subnet), lost: loss?.count ?? 0, lostAt: isoOrNull(loss?.at) };
    })
    .sort((a, b) => numberOf(a.subnet) - numberOf(b.subnet));
}

/** Of the address in "10.5.34.0/24". A collator takes forty times as long. */
const numberOf = (subnet: string): number => subnet.split(/[./]/, 4).reduce((sum, part) => sum * 256 + Number(part), 0);
