/**
 * Owns the udp engine as a driver sees it: a TUN device whose engine is started, stopped and made anew with it, and the table behind it as a
 * kind of its own. It is put around the netlink driver, which sees and changes all else of that device.
 *
 * - Costs nothing on a host without a tun device and without a want of one.
 * - The engine outlives us. While we run as a daemon we hold its descriptors too, so that the device and what is queued in it outlive the
 *   engine: when it dies, another takes its place without a lost packet.
 */
import type { Change, Driver, Interest, Listing, Outcome } from '../../reconciler/contracts/driver.ts';
import { emptyScope, mergeScope, type Scope, scopeOf } from '../../reconciler/contracts/scope.ts';
import { type Have, idOf, type Link, splitId, type Want } from '../../reconciler/kinds/index.ts';
import { TUN_DEVICE, type TunTunnel } from '../../reconciler/tunnels/tun.ts';
import type { EngineAsked, EngineHost, EngineHostOptions } from './engine-host.ts';
import { failureOfEngine } from './failure.ts';
import type { EngineState } from './protocol.ts';

const KIND = 'udp-peer';
const LINK = `link ${TUN_DEVICE}`;

export interface UdpEngineDriver extends Driver {
  /** What the engine says of itself; undefined if there is none of ours. */
  engineState(): Promise<EngineState | undefined>;
}

export function withUdpEngine<D extends Driver>(inner: D, options: EngineHostOptions): D & UdpEngineDriver {
  let opened: Promise<EngineHost> | undefined;
  let ended: (() => void) | undefined;
  /** Loaded at first use: most hosts have none. */
  const engine = (): Promise<EngineHost> => {
    opened ??= import('./engine-host.ts').then(({ EngineHost }) => new EngineHost(options, ended));
    return opened;
  };

  return {
    ...inner,
    kinds: [...inner.kinds, KIND],
    engineState: async () => (await engine()).state(),
    list: (scope, interest, care) => list(inner, engine, scope, interest, care),
    apply: async (changes) => {
      const kind = changes[0] && splitId(changes[0].id).kind;
      if (kind === KIND) return applyPeers(await engine(), changes);
      if (kind !== 'link') return inner.apply(changes);
      const outcomes: Outcome[] = [];
      for (const change of changes) {
        if (change.id === LINK && isTun(change)) outcomes.push(await applyDevice(inner, await engine(), change));
        else outcomes.push(...(await inner.apply([change])));
      }
      return outcomes;
    },
    watch: async (emit, interest) => {
      ended = () => emit(scopeOf({ links: [TUN_DEVICE] }));
      (await opened)?.hold(ended);
      return inner.watch(emit, interest);
    },
    close: async () => {
      (await opened)?.close();
      await inner.close();
    },
  };
}

const isTun = (change: Change): boolean => {
  const link = change.op === 'delete' ? change.have : change.want;
  return link.kind === 'link' && link.type === 'tun';
};

async function list(
  inner: Driver,
  engine: () => Promise<EngineHost>,
  scope: Scope,
  interest: Interest,
  care: Parameters<Driver['list']>[2],
): Promise<Listing> {
  const { rest, subnets } = split(scope);
  const listing = isNothing(rest) ? { haves: [], complete: true } : await inner.list(rest, interest, care);
  const link = listing.haves.find((have): have is Link => have.kind === 'link' && have.name === TUN_DEVICE);
  const needsTable = subnets === 'all' ? link !== undefined || !rest.all : subnets.length > 0;
  if (!link && !needsTable && !listing.unread?.has(LINK)) return listing;

  let asked: EngineAsked | undefined;
  try {
    asked = await (await engine()).ask(needsTable ? (subnets === 'all' ? undefined : subnets) : []);
  } catch (error) {
    return { ...listing, complete: false, problem: (error as Error).message };
  }
  if (link?.type === 'tun') {
    const { address = '', port = 0 } = asked?.state ?? {};
    link.tunnel = { type: 'tun', local: address, port } satisfies TunTunnel;
  }
  // Its port is in use by our own engine, which is ended before another is started.
  if (asked && listing.unread?.has(LINK)) listing.unread = new Map([...listing.unread].filter(([id]) => id !== LINK));
  const peers = [...(asked?.table ?? [])].map(
    ([subnet, host]): Have => ({ kind: KIND, dev: TUN_DEVICE, subnet, host }),
  );
  return { ...listing, haves: [...listing.haves, ...peers] };
}

/** The scope without our kind, and the subnets of it that are to be listed. */
function split(scope: Scope): { rest: Scope; subnets: 'all' | string[] } {
  if (scope.all || scope.kinds.has(KIND) || scope.links.has(TUN_DEVICE)) {
    const rest = mergeScope(emptyScope(), scope);
    rest.kinds.delete(KIND);
    return { rest, subnets: 'all' };
  }
  const subnets: string[] = [];
  for (const id of scope.ids) {
    const { kind, key } = splitId(id);
    if (kind === KIND) subnets.push(key.slice(key.indexOf('|') + 1));
  }
  if (subnets.length === 0) return { rest: scope, subnets };
  const ids = [...scope.ids].filter((id) => splitId(id).kind !== KIND);
  return { rest: { ...scope, ids: new Set(ids) }, subnets };
}

const isNothing = ({ all, kinds, links, ids, peers }: Scope): boolean =>
  !all && kinds.size + links.size + ids.size + peers.size === 0;

/** One message for all of them. */
async function applyPeers(engine: EngineHost, changes: Change[]): Promise<Outcome[]> {
  const set: [string, string][] = [];
  const remove: string[] = [];
  for (const change of changes) {
    const peer = change.op === 'delete' ? change.have : change.want;
    if (peer.kind !== KIND) throw new TypeError(`the udp driver was given a ${peer.kind}`);
    if (change.op === 'delete') remove.push(peer.subnet);
    else set.push([peer.subnet, peer.host]);
  }
  try {
    await engine.setPeers({ set, remove });
    return changes.map((change) => ({ change, result: 'done' }));
  } catch (error) {
    const failure = failureOfEngine(error);
    return changes.map((change) => ({ change, result: 'failed', failure }));
  }
}

/** The engine's part of a change of the device, and then netlink's: its MTU, its mark, whether it is up. */
async function applyDevice(inner: Driver, engine: EngineHost, change: Change): Promise<Outcome> {
  try {
    if (change.op === 'delete') {
      await engine.stop();
      const [outcome] = await inner.apply([change]); // with the engine it went, unless somebody else has it open
      return outcome?.result === 'noop' ? { change, result: 'done' } : { ...outcome!, change };
    }
    const want = change.want as Link;
    const { local, port } = want.tunnel as TunTunnel;
    const parameters = { device: want.name, address: local, port, prefix: want.alias ?? '' };
    const isOther = change.op === 'update' && change.fields.some((field) => field.startsWith('tun.'));
    if (change.op === 'create') await engine.start(parameters);
    else if (isOther) await engine.restart(parameters);
  } catch (error) {
    return { change, result: 'failed', failure: failureOfEngine(error) };
  }
  const [outcome] = await inner.apply([netlinkPart(change.want as Link)]);
  return { ...outcome!, change, result: outcome!.result === 'noop' ? 'done' : outcome!.result };
}

/** As netlink knows the device: of the engine it sees nothing. */
function netlinkPart(want: Link): Change {
  const plain: Want = { ...want, tunnel: { type: 'tun', local: '', port: 0 } };
  const have: Have = { ...plain, up: false, mtu: 0, alias: '' };
  return {
    op: 'update',
    id: idOf(want),
    reason: 'made',
    want: plain,
    have,
    fields: ['up', 'mtu', 'alias'],
    recreate: false,
  };
}
