/**
 * Owns what has to change on a host so that flanneld can take it over: everything stays in force, in flannel's own form and without our marks
 * (docs/reference/flannel.md#backends). Pure: made from what is there alone, so that it needs no store.
 *
 * - Nothing is made, and nothing but nexthop objects is deleted, which by then have no routes any more.
 * - Each change is one replacement in place: what is forwarded meanwhile goes one way or the other, never nowhere.
 * - A neighbour's mark can't be taken off in place, because the kernel reads 0 as "leave it", and made anew it would be missing for a moment.
 *   It becomes RTPROT_BOOT, which says as little as none.
 * - Carried out as it is, it leads to a host of which nothing has to be changed.
 */
import type { Change } from '../contracts/driver.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { BOOT_PROTOCOL, type Have, idOf, keyOf, type Nexthop, type Route, SELVAGE_PROTOCOL } from '../kinds/index.ts';
import { nexthopInUse } from '../plan/conflict.ts';
import { type Step, StepBuilder } from '../plan/order.ts';
import type { Ownership } from '../plan/ownership.ts';

export interface HandBackInput {
  haves: readonly Have[];
  ownership: Ownership;
  /** net.ipv4.conf.default.rp_filter: what a device of flanneld's would have. undefined: not known, so left as it is. */
  defaultRpFilter: number | undefined;
}

export interface LeavePlan {
  steps: Step[];
  held: HeldEntry[];
}

export function planHandBack({ haves, ownership, defaultRpFilter }: HandBackInput): LeavePlan {
  const steps = new StepBuilder();
  const held: HeldEntry[] = [];
  const ours = haves.filter((have) => ownership.ownerOf(have) === 'ours');
  const nexthops = new Map(ours.flatMap((have) => (have.kind === 'nexthop' ? [[have.id, have] as const] : [])));
  const staying = new Map<number, Route>();
  const slots = new Set<string>();

  for (const have of haves) {
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
  for (const nexthop of nexthops.values()) {
    const user = staying.get(nexthop.id);
    if (user) held.push({ ...nexthopInUse(nexthop, user), unmet: true });
    else steps.add('nexthop', { op: 'delete', id: idOf(nexthop), reason: 'flannel has none', have: nexthop });
  }
  return { steps: steps.steps(), held };
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
