/**
 * Owns what "converged" and "foreign objects are untouched" mean for a whole host, for the properties; independent of the plan and of
 * reconciler/plan/ownership.ts and kinds/index.ts, so that it can contradict them.
 */
import assert from 'node:assert/strict';
import type { Instance } from '../../reconciler/contracts/host.ts';
import { type Have, idOf, type Link, linkOf, type Want } from '../../reconciler/kinds/index.ts';
import { hasForeignAddress, isTouchable, ownDeviceNames } from './foreign.ts';
import { vxlanIn } from './tunnels.ts';

export interface Judged {
  instance: Instance;
  desired: ReadonlyMap<string, Want>;
  before: readonly Have[];
  after: readonly Have[];
}

const linkNames = (desired: ReadonlyMap<string, Want>): string[] =>
  [...desired.values()].flatMap((want) => (want.kind === 'link' ? [want.name] : []));

const linksOf = (host: readonly Have[]): Map<string, Link> =>
  new Map(host.flatMap((have): [string, Link][] => (have.kind === 'link' ? [[have.name, have]] : [])));

/** Every foreign object is there as it was, unless the kernel took it away with a device of ours that had to go or to change. */
export function assertForeignUntouched({ instance, desired, before, after }: Judged): void {
  const own = ownDeviceNames(before, instance, linkNames(desired));
  const [linksBefore, linksAfter] = [linksOf(before), linksOf(after)];
  const now = new Set(after.map((have) => JSON.stringify(have)));
  for (const have of before) {
    if (isTouchable(have, own, instance, desired)) continue;
    if (have.kind !== 'link' && have.kind !== 'file' && have.kind !== 'firewall' && own.has(have.dev)) {
      const [was, is] = [linksBefore.get(have.dev), linksAfter.get(have.dev)];
      if (!is || fixed(was) !== fixed(is) || (have.kind === 'neighbour' && was?.mac !== is.mac)) continue;
    }
    assert.ok(now.has(JSON.stringify(have)), `foreign, and changed or gone: ${JSON.stringify(have)}`);
  }
}

const fixed = (link: Link | undefined): string => {
  if (link?.tunnel?.type === 'ipip') return `${link.tunnel.local} ${link.tunnel.remote}`;
  const vxlan = vxlanIn(link);
  return `${vxlan?.vni} ${vxlan?.port} ${vxlan?.gbp}`;
};

/** Every Want is met unless something foreign is in its way; nothing of ours is there that nobody wants. */
export function assertConverged({ instance, desired, after }: Judged): void {
  const own = ownDeviceNames(after, instance, linkNames(desired));
  const there = linksOf(after);
  const isBlocked = (name: string): boolean =>
    (there.has(name) && !own.has(name)) || isTaken(desired.get(`link ${name}`)!, after, own);
  const blocked = new Set(linkNames(desired).filter(isBlocked));
  const slots = new Map<string, Have>();
  for (const have of after) if (!slots.has(idOf(have))) slots.set(idOf(have), have);

  let unmet = false;
  for (const [id, want] of desired) {
    const dev = linkOf(want) ?? '';
    const have = slots.get(id);
    if (want.kind === 'nexthop' || isMet(want, have)) continue;
    unmet = true;
    const inTheWay = blocked.has(dev) || (have !== undefined && !isTouchable(have, own, instance, desired));
    assert.ok(inTheWay, `not met: ${JSON.stringify(want)}, there is ${JSON.stringify(have)}`);
  }
  // What can't be moved may still go through what is not wanted any more.
  if (!unmet) assertNothingStale(after, desired, own, instance);
}

/** The kernel wouldn't take it beside a device of another name. */
function isTaken(want: Want, after: readonly Have[], own: ReadonlySet<string>): boolean {
  const { vni, port, gbp } = (want.kind === 'link' && vxlanIn(want)) || { vni: 0, port: 0, gbp: false };
  const ends = want.kind === 'link' && want.tunnel?.type === 'ipip' ? fixed(want) : undefined;
  const isHolder = (have: Have): boolean => {
    if (have.kind !== 'link' || own.has(have.name)) return false;
    if (ends !== undefined) return have.tunnel?.type === 'ipip' && fixed(have) === ends;
    const vxlan = vxlanIn(have);
    if (vxlan?.port !== (port || 8472)) return false;
    return vxlan.gbp === gbp ? vxlan.vni === vni : have.up;
  };
  return want.kind === 'link' && after.some((have) => isHolder(have) && idOf(have) !== idOf(want));
}

function isMet(want: Want, have: Have | undefined): boolean {
  if (have === undefined) return false;
  const picks: Record<Want['kind'], string[]> = {
    link: ['type', 'up', 'mtu', 'alias', 'master'],
    address: [],
    neighbour: ['mac', 'permanent'],
    fdb: ['dst', 'permanent', 'plain'],
    'udp-peer': ['host'],
    nexthop: ['dev', 'gateway', 'onlink', 'plain'],
    // On a nexthop object or not: a listed route shows where it goes.
    route: ['dev', 'gateway', 'onlink', 'type', 'plain'],
    firewall: [],
    file: ['content'],
  };
  const [w, h] = [want as unknown as Record<string, unknown>, have as unknown as Record<string, unknown>];
  if (!picks[want.kind].every((field) => w[field] === h[field])) return false;
  if (want.kind !== 'link' || have.kind !== 'link') return true;
  const vxlan = vxlanIn(want);
  const tunnel = vxlan ? { ...vxlan, port: vxlan.port || 8472 } : { ...want.tunnel };
  const there: Record<string, unknown> = { ...have.tunnel };
  return (want.mac === '' || want.mac === have.mac) && Object.entries(tunnel).every(([k, v]) => v === there[k]);
}

function assertNothingStale(
  after: readonly Have[],
  desired: ReadonlyMap<string, Want>,
  own: ReadonlySet<string>,
  instance: Instance,
): void {
  const used = new Set(after.map((have) => (have.kind === 'route' ? have.nexthopId : 0)));
  const seen = new Set<string>();
  for (const have of after) {
    if (have.kind === 'link' && !desired.has(idOf(have)) && hasForeignAddress(after, instance, have.name)) continue;
    const isCache = (have.kind === 'neighbour' || have.kind === 'fdb') && !have.permanent;
    if (isCache || !isTouchable(have, own, instance, desired)) continue;
    const unused = have.kind === 'nexthop' && !used.has(have.id);
    assert.ok(desired.has(idOf(have)) && !unused && !seen.has(idOf(have)), `stale: ${JSON.stringify(have)}`);
    seen.add(idOf(have));
  }
}
