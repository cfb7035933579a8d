/**
 * Owns what must be true whatever happens, and looks at every single write of an agent. The first violation ends a run.
 *
 * - reach: whoever was reached stays reached through all that an agent writes; what the documentation says costs packets is excused (excuses.ts).
 * - seat: a host keeps its subnet, and no two hosts that hear the store have overlapping ones for longer than a moment.
 * - foreign: what others have put on a host stays as it is.
 * - certain: nothing is deleted by an agent that hears no store, or has no config from it.
 * - truth: an agent reports nothing as made or removed that its kernel only said was.
 * - machine: an agent's state machine never fails.
 * - settles, silent: once nobody disturbs anything, all is as it should be within a bound, and then nothing is written (peace.ts).
 */
import type { Change, Outcome } from '../../reconciler/contracts/driver.ts';
import type { Report } from '../../reconciler/contracts/report.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { keyFor } from '../helpers/store.ts';
import type { Witness } from './driver.ts';
import type { Excuses } from './excuses.ts';
import type { Foreign } from './foreign.ts';
import type { SimulatedHost } from './host.ts';
import type { Lost, Oracle } from './oracle.ts';
import type { Connection } from './store.ts';
import type { Trace } from './trace.ts';

export type Invariant = 'reach' | 'seat' | 'foreign' | 'certain' | 'truth' | 'machine' | 'settles' | 'silent';

export interface Violation {
  invariant: Invariant;
  text: string;
}

/** A round that began when the store was still heard may go on for so long, ms. */
const ROUND_MS = 3000;
/** Two hosts may hold one range for so long, ms: until both have heard of each other. */
const OVERLAP_MS = 30_000;

export class Judge {
  violation: Violation | undefined;
  /** Changes that agents have written. */
  changes = 0;
  /** Losses that were excused, by why. */
  readonly excused = new Map<string, number>();
  readonly #oracle: Oracle;
  readonly #excuses: Excuses;
  readonly #foreign: ReadonlyMap<SimulatedHost, Foreign>;
  readonly #store: MemoryStore;
  readonly #trace: Trace;
  readonly #now: () => number;
  readonly #overlapSince = new Map<string, number>();

  constructor(world: {
    oracle: Oracle;
    excuses: Excuses;
    foreign: ReadonlyMap<SimulatedHost, Foreign>;
    store: MemoryStore;
    trace: Trace;
    now: () => number;
  }) {
    this.#oracle = world.oracle;
    this.#excuses = world.excuses;
    this.#foreign = world.foreign;
    this.#store = world.store;
    this.#trace = world.trace;
    this.#now = world.now;
  }

  fail(invariant: Invariant, text: string): void {
    if (this.violation) return;
    this.violation = { invariant, text };
    this.#trace.say('!', `${invariant}: ${text}`);
  }

  witnessOf(host: SimulatedHost, connection: Connection): Witness {
    return {
      before: (changes) => this.#mayDelete(host, connection, changes),
      after: (outcomes) => this.#after(host, outcomes),
    };
  }

  /** What an agent has concluded of a round. `lies`: ids of what its kernel said was done, and was not. */
  hear(host: SimulatedHost, outcomes: Report['outcomes'], lies: ReadonlySet<string>): void {
    for (const { kind, key, op, result } of outcomes) {
      const id = `${kind} ${key}`;
      if (!lies.has(id) || result !== 'done' || host.disturbance.hides) continue;
      const isThere = host.kernel.find(id).length > 0;
      if ((op === 'create' && !isThere) || (op === 'delete' && isThere))
        this.fail('truth', `${host.name} reports ${op} ${id} as done, and it is not`);
    }
  }

  /** What isn't the product's doing has changed something: from now on that is how it is. */
  lookAfterFault(): void {
    this.#oracle.lookAtAll();
  }

  /** What is not seen at a write. */
  tick(hosts: readonly SimulatedHost[]): void {
    for (const { name, broken } of hosts) if (broken) this.fail('machine', `${name}: ${broken.message}`);
    const overlapping = new Set<string>();
    for (const [one, other] of this.#oracle.overlaps(hosts.filter((host) => host.life?.connection.isHeard))) {
      overlapping.add(`${one.name} ${other.name}`);
      this.#noteOverlap(one, other);
    }
    for (const pair of this.#overlapSince.keys()) if (!overlapping.has(pair)) this.#overlapSince.delete(pair);
  }

  #noteOverlap(one: SimulatedHost, other: SimulatedHost): void {
    const pair = `${one.name} ${other.name}`;
    const since = this.#overlapSince.get(pair) ?? this.#now();
    this.#overlapSince.set(pair, since);
    if (this.#now() - since <= OVERLAP_MS) return;
    const [a, b] = [this.#oracle.seatOf(one), this.#oracle.seatOf(other)];
    this.fail('seat', `${one.name} has ${a} and ${other.name} has ${b}, and both hear the store`);
  }

  #mayDelete(host: SimulatedHost, { ignorantSince }: Connection, changes: readonly Change[]): void {
    if (ignorantSince === undefined || this.#now() - ignorantSince <= ROUND_MS) return;
    const gone = changes.filter((change) => change.op === 'delete' || (change.op === 'update' && change.recreate));
    if (gone.length === 0) return;
    const seconds = ((this.#now() - ignorantSince) / 1000).toFixed(1);
    this.fail(
      'certain',
      `${host.name} deletes ${gone.map(({ id }) => id).join(', ')}, though it has known of no store and config for ${seconds} s`,
    );
  }

  #after(host: SimulatedHost, outcomes: readonly Outcome[]): void {
    this.changes += outcomes.length;
    for (const { change, result } of outcomes) this.#trace.say(host.name, `${change.op} ${change.id}: ${result}`);
    for (const id of this.#foreign.get(host)?.changed() ?? [])
      this.fail('foreign', `${id} on ${host.name} is not as others left it`);
    const before = this.#oracle.reseat(host);
    if (before !== undefined) this.#judgeSeat(host, before);
    const done = outcomes.filter(({ result }) => result === 'done').map(({ change }) => change);
    for (const lost of this.#oracle.after(host, done)) this.#judgeLoss(host, lost);
  }

  /** Of a store that can't be heard, or has itself forgotten, a new process knows what the copy of the one before it has. */
  #forgotten(by: SimulatedHost, seat: string): string | undefined {
    const isBlind = this.#excuses.isForgetful || by.life?.agent.lastGood.inForce;
    return isBlind && by.forgets(keyFor(seat)) ? 'an agent was killed before its copy had it' : undefined;
  }

  #judgeSeat(host: SimulatedHost, before: string): void {
    const why = this.#excuses.forSeat(host) ?? this.#takenBy(host, before) ?? this.#spoilt(host, before);
    const now = this.#oracle.seatOf(host);
    this.#trace.say(host.name, `has ${now} now instead of ${before}${why ? `: ${why}` : ''}`);
    if (why === undefined) this.fail('seat', `${host.name} gave up ${before} for ${now} for no reason`);
  }

  #judgeLoss(by: SimulatedHost, { from, to, why }: Lost): void {
    // A machine that is gone for good sends nothing, whatever its kernel had last.
    if (!from.isMember || !to.isMember) return;
    const seat = this.#oracle.seatOf(to)!;
    const excuse = this.#excuses.forPair(from, to) ?? this.#takenBy(to, seat) ?? this.#forgotten(by, seat);
    if (excuse === undefined)
      return this.fail('reach', `${from.name} no longer reaches ${to.name} (${seat}) since ${by.name} wrote: ${why}`);
    this.excused.set(excuse, (this.excused.get(excuse) ?? 0) + 1);
  }

  /** A process that has just started knows for its own what says nothing by its last good copy alone. */
  #spoilt(host: SimulatedHost, seat: string): string | undefined {
    const record = this.#store.get(keyFor(seat));
    if (!record || isReadable(record.value) || host.remembers(record)) return undefined;
    return 'its lease was overwritten while it was down, and before it was in the copy';
  }

  /** Whose subnet another took while the store had forgotten it. */
  #takenBy(host: SimulatedHost, seat: string): string | undefined {
    const value = this.#store.get(keyFor(seat))?.value;
    if (!this.#excuses.isForgetful || value === undefined) return undefined;
    return host.addresses.some((address) => value.includes(`"${address}"`))
      ? undefined
      : 'its subnet was taken by another';
  }
}

function isReadable(value: string): boolean {
  try {
    return typeof (JSON.parse(value) as { PublicIP?: unknown }).PublicIP === 'string';
  } catch {
    return false;
  }
}
