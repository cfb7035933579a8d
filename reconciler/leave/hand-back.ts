/**
 * Owns what has to change on a host so that flanneld can take it over: everything stays in force, in flannel's own form and without our marks
 * (docs/reference/flannel.md#backends). Pure: made from what is there alone, so that it needs no store.
 *
 * - Nothing of the kernel's routing is made, and nothing of it but nexthop objects deleted, which by then have no routes any more. In the
 *   firewall flannel's own rules are made first, and ours deleted then (flannel-firewall.ts).
 * - A device that lives by an engine of ours (udp) can't be handed over: flanneld needs its name and its port free. It goes, and that is said.
 * - Each change is one replacement in place: what is forwarded meanwhile goes one way or the other, never nowhere.
 * - A neighbour's mark can't be taken off in place, because the kernel reads 0 as "leave it", and made anew it would be missing for a moment.
 *   It becomes RTPROT_BOOT, which says as little as none.
 * - Carried out as it is, it leads to a host of which nothing has to be changed.
 */
import type { Change } from '../contracts/driver.ts';
import type { HeldEntry } from '../contracts/report.ts';
import {
  BOOT_PROTOCOL,
  compare,
  type FirewallPart,
  type Have,
  idOf,
  keyOf,
  type Link,
  linkOf,
  type Nexthop,
  type Route,
  SELVAGE_PROTOCOL,
} from '../kinds/index.ts';
import { nexthopInUse } from '../plan/conflict.ts';
import { type Step, StepBuilder } from '../plan/order.ts';
import type { Ownership } from '../plan/ownership.ts';
import { tunnelRules } from '../tunnels/index.ts';

export interface HandBackInput {
  haves: readonly Have[];
  ownership: Ownership;
  /** net.ipv4.conf.default.rp_filter: what a device of flanneld's would have. undefined: not known, so left as it is. */
  defaultRpFilter: number | undefined;
  /** flannel's own rules (flannel-firewall.ts). Left out: the firewall stays as it is. */
  firewall?: readonly FirewallPart[] | undefined;
}

/** Why an entry is held that tells of what a change does, and not of what is there. */
export const ENGINE_ENDED = 'engine ended';

export interface LeavePlan {
  steps: Step[];
  held: HeldEntry[];
}

export function planHandBack({ haves, ownership, defaultRpFilter, firewall }: HandBackInput): LeavePlan {
  const steps = new StepBuilder();
  const held: HeldEntry[] = [];
  const ours = haves.filter((have) => ownership.ownerOf(have) === 'ours');
  const nexthops = new Map(ours.flatMap((have) => (have.kind === 'nexthop' ? [[have.id, have] as const] : [])));
  const staying = new Map<number, Route>();
  const slots = new Set<string>();

  const engines = new Set(ours.flatMap((have) => (have.kind === 'link' && livesByEngine(have) ? have.name : [])));
  for (const have of haves) {
    if (engines.has(linkOf(have) ?? '')) {
      if (have.kind !== 'link') continue;
      steps.add('link', { op: 'delete', id: idOf(have), reason: 'flanneld makes its own', have });
      held.push(engineEnded(have));
      continue;
    }
    // Of several routes in one slot the first is in force, and the one that a replacement hits.
    const isHidden = have.kind === 'route' && slots.has(idOf(have));
    if (have.kind === 'route') slots.add(idOf(have));
    if (have.kind === 'route' && have.nexthopId !== 0 && ownership.ownerOf(have) !== 'ours') {
      staying.set(have.nexthopId, have);
      continue;
    }
    if (ownership.ownerOf(have) !== 'ours') continue;
    const want = handedBack(have, nexthops, ownership.alias, defaultRpFilter);
    if (want === undefined) continue;
    if (want === 'unknown') {
      held.push(unknownForm(have));
      staying.set((have as Route).nexthopId, have as Route);
    } else if (isHidden) steps.add(have.kind, { op: 'delete', id: idOf(have), reason: 'duplicate', have });
    else steps.add(have.kind, updateOf(want, have));
  }
  if (firewall) addFirewall(steps, firewall, ours);
  for (const nexthop of nexthops.values()) {
    const user = staying.get(nexthop.id);
    if (user) held.push({ ...nexthopInUse(nexthop, user), unmet: true });
    else steps.add('nexthop', { op: 'delete', id: idOf(nexthop), reason: 'flannel has none', have: nexthop });
  }
  return { steps: steps.steps(), held };
}

/** flannel's forms of earlier versions, which are ours to clear away as well (kinds/firewall.ts), go with what is ours. */
function addFirewall(steps: StepBuilder, wanted: readonly FirewallPart[], ours: readonly Have[]): void {
  const wants = new Map(wanted.map((part) => [idOf(part), part]));
  const there = new Map(ours.flatMap((have) => (have.kind === 'firewall' ? [[idOf(have), have] as const] : [])));
  for (const [id, want] of wants) {
    const have = there.get(id);
    const fields = have ? compare(want, have) : [];
    if (!have) steps.add('firewall', { op: 'create', id, reason: "flannel's own", want });
    else if (fields.length > 0)
      steps.add('firewall', {
        op: 'update',
        id,
        reason: `not in flannel's form: ${fields.join(', ')}`,
        want,
        have,
        fields: [...fields],
        recreate: false,
      });
  }
  for (const [id, have] of there)
    if (!wants.has(id)) steps.add('firewall', { op: 'delete', id, reason: "flannel's own are there", have });
}

/** As flannel has it; undefined if it is so already, 'unknown' if nobody knows where it leads. */
function handedBack(
  have: Have,
  nexthops: ReadonlyMap<number, Nexthop>,
  alias: string,
  defaultRpFilter: number | undefined,
): Have | 'unknown' | undefined {
  switch (have.kind) {
    case 'link':
      if (have.alias !== alias) return undefined;
      return { ...have, alias: '', ...(defaultRpFilter === undefined ? {} : { rpFilter: defaultRpFilter }) };
    case 'neighbour':
      return have.protocol === SELVAGE_PROTOCOL ? { ...have, protocol: BOOT_PROTOCOL } : undefined;
    case 'route': {
      if (have.nexthopId === 0)
        return have.protocol === SELVAGE_PROTOCOL ? { ...have, protocol: BOOT_PROTOCOL } : undefined;
      const nexthop = nexthops.get(have.nexthopId);
      if (!nexthop?.plain) return 'unknown';
      const { dev, gateway, onlink } = nexthop;
      return { ...have, dev, gateway, onlink, nexthopId: 0, protocol: BOOT_PROTOCOL };
    }
    default:
      return undefined;
  }
}

const livesByEngine = ({ type }: Link): boolean => tunnelRules(type)?.livesByEngine ?? false;

function engineEnded(have: Link): HeldEntry {
  const detail = `${have.name} and its UDP port can't be handed over while they are in use, so selvage's udp engine ends with it; packets to other hosts are lost until flanneld runs: start it now.`;
  return { kind: 'link', key: have.name, why: ENGINE_ENDED, detail, unmet: false };
}

function updateOf(want: Have, have: Have): Change {
  const [w, h] = [want, have] as unknown as Record<string, unknown>[];
  const fields = Object.keys(w!).filter((name) => typeof w![name] !== 'object' && w![name] !== h![name]);
  return {
    op: 'update',
    id: idOf(have),
    reason: `not in flannel's form: ${fields.join(', ')}`,
    want,
    have,
    fields,
    recreate: false,
  };
}

function unknownForm(have: Have): HeldEntry {
  const detail = `${have.kind} ${keyOf(have)} is on a nexthop object that can't be read or is of another form, so that it can't be made flannel's own; remove it, then flanneld will make its own.`;
  return { kind: have.kind, key: keyOf(have), why: 'unknown form', detail, unmet: true };
}
