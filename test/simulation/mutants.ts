/**
 * Owns the faults that are put into the product to prove that the simulation finds them: texts of its source that are replaced while it is
 * bundled for a run of its own (mutant-run.ts). The product knows nothing of it.
 */
import type { Invariant } from './invariants.ts';

export interface Mutant {
  name: string;
  file: string;
  /** Stands in the file exactly once, and what stands there instead. */
  text: string;
  instead: string;
  /** The faults under which it shows; the seeds are drawn from these alone, so that it shows soon. */
  faults: readonly string[];
  /** The seed to begin with, where the first ones don't show it: it takes a race. Default 1. */
  from?: number;
  /** By which it may be found. */
  finds: readonly Invariant[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'gates off: deletes without knowing all',
    file: 'reconciler/plan/gates.ts',
    text: '=> knowledge.desiredComplete && knowledge.scopeComplete;',
    instead: '=> true || knowledge.desiredComplete;',
    faults: ['cut', 'outage', 'leftovers', 'delete'],
    finds: ['certain', 'reach'],
  },
  {
    name: 'believes a store that it does not hear',
    file: 'states/store-follower.ts',
    text: 'return this.#heard && mirror.complete &&',
    instead: 'return mirror.complete &&',
    faults: ['cut', 'outage', 'leftovers', 'delete'],
    finds: ['certain'],
  },
  {
    name: 'grace 0: an earlier path goes as soon as it is left',
    file: 'reconciler/desired/paths.ts',
    text: 'return Math.min(leftAt + grace, Math.max(unnamedAt ?? Number.POSITIVE_INFINITY, this.#ownLeft) + settle);',
    instead: 'return leftAt + 0 * (grace + settle + (unnamedAt ?? 0));',
    faults: ['vni', 'backend', 'slow'],
    finds: ['reach'],
  },
  {
    name: 'a path is told of before it is built',
    file: 'states/own-lease.ts',
    text: 'this.unpublished = needsRewrite(lease, value) && !namesSameWay(lease.attrs, value) && !context.isBuilt();',
    instead:
      'this.unpublished = needsRewrite(lease, value) && !namesSameWay(lease.attrs, value) && !context.isBuilt() && false;',
    faults: ['vni', 'refuse', 'backend'],
    from: 29,
    finds: ['reach'],
  },
  {
    name: 'what is put back into a wiped store names a path that is not built',
    file: 'states/own-lease.ts',
    text: 'this.unpublished = standing !== undefined && !namesSameWay(parseLeaseAttrs(standing), value);',
    instead: 'this.unpublished = standing === "" && !namesSameWay(parseLeaseAttrs(standing), value);',
    faults: ['vni', 'wipe', 'cut', 'backend'],
    finds: ['reach'],
  },
  {
    name: 'which path is left is written down after the fact',
    file: 'states/own-lease.ts',
    text: 'if (!namesSameWay(lease.attrs, value)) await context.beforeMove?.(lease.attrs);',
    instead: '',
    faults: ['vni', 'kill-at-write'],
    from: 40,
    finds: ['reach'],
  },
  {
    name: 'a lease that was overwritten while no agent ran is nobody’s',
    file: 'states/last-good.ts',
    text: "if (!record || 'attrs' in readLease({ subnet }, record)) return;",
    instead: 'if (key) return;',
    faults: ['spoil-lease', 'late-write', 'once'],
    from: 70,
    finds: ['seat'],
  },
  {
    name: 'compare-and-swap removed: a key that another has is taken for ours',
    file: 'states/own-lease.ts',
    text: "if (created.result === 'exists') return false;",
    instead: `if (created.result === 'exists') {
      const value = await context.valueFor(undefined);
      this.#take(this.#read({ key, value, modRevision: 0, createRevision: 0, leaseId: '0' })!);
      return true;
    }`,
    faults: ['slow', 'join'],
    from: 36,
    finds: ['seat', 'reach', 'settles'],
  },
  {
    name: 'order reversed',
    file: 'reconciler/plan/order.ts',
    text: 'return steps;',
    instead: 'return steps.reverse();',
    faults: ['vni', 'delete', 'backend'],
    finds: ['reach', 'settles', 'seat'],
  },
  {
    name: 'breaks before it makes: deletes come first',
    file: 'states/round.ts',
    text: "await this.#carryOut(steps.filter(({ direction }) => direction === 'up'));",
    instead: "await this.#carryOut(down); await this.#carryOut(steps.filter(({ direction }) => direction === 'up'));",
    faults: ['vni', 'backend', 'tune'],
    finds: ['reach'],
  },
  {
    name: 'a wiped store is believed',
    file: 'reconciler/store/mirror.ts',
    text: 'const why = this.#listing ? doubtOf(this, snapshot) : undefined;',
    instead: 'const why = this.#listing < 0 ? doubtOf(this, snapshot) : undefined;',
    faults: ['wipe', 'kill', 'slow'],
    finds: ['reach', 'seat'],
  },
  {
    name: 'unreadable is absent: a spoilt lease is dropped',
    file: 'reconciler/store/mirror.ts',
    text: 'if (entry.lease) entry.lease = { ...entry.lease, ...entry.record };',
    instead: 'this.#drop(entry);\n      return entry;',
    faults: ['spoil-lease', 'slow', 'stop'],
    finds: ['reach'],
  },
  {
    name: 'others’ routes in the network count as ours',
    file: 'reconciler/kinds/route.ts',
    text: "if (have.protocol !== SELVAGE_PROTOCOL && !judge.ownsDevice(have.dev) && !judge.isFlannels(have)) return 'foreign';",
    instead: '',
    faults: ['delete', 'kill'],
    finds: ['foreign'],
  },
  {
    name: 'a device is made anew for whatever differs',
    file: 'reconciler/kinds/link.ts',
    text: "mustRecreate: (fields) => fields.some((field) => field === 'type' || isFixed(field)),",
    instead: 'mustRecreate: (fields) => fields.some((field) => field !== "" || isFixed(field)),',
    faults: ['spoil-device', 'tune', 'readdress'],
    finds: ['reach'],
  },
  {
    name: 'the previous subnet is forgotten',
    file: 'reconciler/lease/choose.ts',
    text: 'for (const subnet of [...mineLost.map(({ lease }) => lease.subnet), previous]) {',
    instead: 'for (const subnet of mineLost.length < 0 ? [previous] : []) {',
    faults: ['wipe', 'restart', 'kill'],
    finds: ['seat', 'reach'],
  },
  {
    name: 'a restart forgets which path it left',
    file: 'states/lease-keeper.ts',
    text: 'await state.lookAround();',
    instead: '',
    faults: ['vni', 'backend', 'kill', 'restart'],
    finds: ['reach', 'seat'],
  },
  {
    name: 'nothing stale is ever removed',
    file: 'reconciler/plan/plan.ts',
    text: 'mayDelete: this.#mayDelete,\n      unneeded',
    instead: 'mayDelete: false,\n      unneeded',
    faults: ['leftovers', 'leave'],
    finds: ['settles'],
  },
  {
    name: 'what was made is not read back',
    file: 'reconciler/plan/verify.ts',
    text: 'if (!isMade(outcome)) return outcome;',
    instead: 'if (isMade(outcome) || outcome.change) return outcome;',
    faults: ['lie', 'delete', 'vni', 'join'],
    finds: ['truth'],
  },
];
