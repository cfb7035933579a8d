/**
 * Owns what this round does to the devices, and what that means for everything under them.
 *
 * - Every device that something in the round stands on is looked at, also if the round's scope doesn't name it.
 * - A device that isn't ours is never touched, and nothing is put on it: `blocked`.
 * - The kernel takes a link's children with it without a word (docs/reference/kernel.md#silent-losses-and-quiet-successes): under a device
 *   made anew nothing is there any more, and a new MAC costs the permanent ARP entries.
 */

import type { Change } from '../contracts/driver.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { Link } from '../kinds/index.ts';
import { compare, mustRecreate } from '../kinds/index.ts';
import { clash } from '../tunnels/index.ts';
import { foreignDevice, inTheWay, recreateWaits, unreadable } from './conflict.ts';
import type { Ownership, OwnershipContext } from './ownership.ts';
import type { PlanInput } from './plan-input.ts';

export type DeviceState =
  /** There, or not ours to judge (the external interface): go ahead. */
  | 'ready'
  /** Made (anew) in this plan: what is seen under it is as good as gone. */
  | 'void'
  /** Its MAC changes in this plan: its ARP entries are as good as gone. */
  | 'flushed'
  /** Not to be had: what needs it waits. */
  | 'blocked';

export interface DeviceRules {
  ownership: Ownership;
  context: OwnershipContext & Pick<PlanInput, 'unread' | 'reportStale'>;
  mayDelete: boolean;
  /** Plans a change, unless it isn't tried again yet; whether it is planned. */
  offer(change: Change): boolean;
  hold(entry: HeldEntry): void;
}

export class Devices {
  readonly #rules: DeviceRules;
  readonly #states = new Map<string, DeviceState>();
  /** Wanted devices that are right as they are. */
  inSync = 0;

  constructor(rules: DeviceRules) {
    this.#rules = rules;
  }

  /** Asking for a device plans what has to be done to it. */
  stateOf(name: string): DeviceState {
    let state = this.#states.get(name);
    if (state === undefined) {
      const want = this.#rules.context.desired.get(`link ${name}`);
      state = want?.kind === 'link' ? this.#plan(`link ${name}`, want) : 'ready';
      this.#states.set(name, state);
    }
    return state;
  }

  #plan(id: string, want: Link): DeviceState {
    const { context, ownership, hold } = this.#rules;
    const have = context.links.get(want.name);
    if (have && !ownership.ownsDevice(want.name)) {
      hold(foreignDevice(want, have, context.addresses.get(want.name) ?? [], context.instance));
      return 'blocked';
    }
    return have ? this.#keep(id, want, have) : this.#make(id, want);
  }

  #make(id: string, want: Link): DeviceState {
    const [renamed, ...more] = this.#ownInTheWay(want);
    if (renamed) return this.#takeBack(id, want, renamed, more);
    if (this.#isTaken(want)) return 'blocked';
    const unread = this.#rules.context.unread?.get(id);
    if (unread !== undefined) {
      this.#rules.hold(unreadable(want, unread));
      return 'blocked';
    }
    return this.#rules.offer({ op: 'create', id, reason: 'missing', want }) ? 'void' : 'blocked';
  }

  #keep(id: string, want: Link, have: Link): DeviceState {
    const fields = compare(want, have);
    if (fields.length === 0) {
      this.inSync++;
      return 'ready';
    }
    // What can't be changed now doesn't stop a device that is up from carrying what it should.
    const asItIs: DeviceState = have.up ? 'ready' : 'blocked';
    const recreate = mustRecreate('link', fields);
    if (recreate && !this.#rules.mayDelete) {
      this.#rules.hold(recreateWaits(want, fields));
      return asItIs;
    }
    if ((recreate || !have.up) && (this.#isTaken(want) || !this.#clearWay(want, this.#ownInTheWay(want))))
      return asItIs;
    const reason = `differs: ${fields.join(', ')}`;
    if (!this.#rules.offer({ op: 'update', id, reason, want, have, fields: [...fields], recreate })) return asItIs;
    if (recreate) return 'void';
    return fields.includes('mac') ? 'flushed' : 'ready';
  }

  /** Ours by their mark, wanted by nobody, and in the way: one that was renamed is in the way of itself. */
  #ownInTheWay(want: Link): Link[] {
    return this.#clashing(want).flatMap(({ link, isStale }) => (isStale ? [link] : []));
  }

  /** Whether nothing of ours is in the way any more when the plan gets to the wanted device. */
  #clearWay(want: Link, links: readonly Link[]): boolean {
    const { context, mayDelete, hold } = this.#rules;
    const [first] = links;
    if (first && (!mayDelete || context.reportStale)) {
      hold(inTheWay(want, clash(want, first)!));
      return false;
    }
    return links.every((have) => {
      const reason = 'not wanted, and in the way';
      if (!this.#rules.offer({ op: 'delete', id: `link ${have.name}`, reason, have, first: true })) return false;
      this.#states.set(have.name, 'void');
      return true;
    });
  }

  #takeBack(id: string, want: Link, have: Link, more: readonly Link[]): DeviceState {
    const fields = ['name'];
    if (!this.#rules.mayDelete) {
      this.#rules.hold(recreateWaits(want, fields));
      return 'blocked';
    }
    if (this.#isTaken(want) || !this.#clearWay(want, more)) return 'blocked';
    const reason = `renamed: ${have.name}`;
    if (!this.#rules.offer({ op: 'update', id, reason, want, have, fields, recreate: true })) return 'blocked';
    this.#states.set(have.name, 'void');
    return 'void';
  }

  /** What the kernel has one of (a VNI on a port) is another's device, or that of a wanted one. */
  #isTaken(want: Link): boolean {
    const taken = this.#clashing(want).find(({ isStale }) => !isStale);
    if (taken) this.#rules.hold(inTheWay(want, taken.why));
    return taken !== undefined;
  }

  #clashing(want: Link): { link: Link; why: string; isStale: boolean }[] {
    const { context, ownership } = this.#rules;
    return [...context.links.values()].flatMap((link) => {
      const why = clash(want, link);
      if (why === undefined) return [];
      return [{ link, why, isStale: ownership.ownsDevice(link.name) && !context.desired.has(`link ${link.name}`) }];
    });
  }
}
