/**
 * Owns the hands and eyes of one process on its host's kernel (test/helpers/model-driver.ts), in time: listings and writes take a while, a
 * batch is written in parts between which anything may happen, events come late.
 *
 * - Of its own writes it hears nothing (drivers/netlink/echoes.ts); what comes together is told together.
 * - It tells whoever judges what is about to be written and what was (`Witness`), part by part.
 */
import type { Care, Change, Driver, Interest, Listing, Outcome } from '../../reconciler/contracts/driver.ts';
import { emptyScope, isEmptyScope, mergeScope, type Scope } from '../../reconciler/contracts/scope.ts';
import { BUILD_ORDER } from '../../reconciler/kinds/index.ts';
import { ModelDriver } from '../helpers/model-driver.ts';
import type { ModelKernel } from '../helpers/model-kernel.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

/** Parts of a batch at most, so that a round has an end. */
const MOST_PARTS = 4;

export interface Witness {
  before(changes: readonly Change[]): void;
  after(outcomes: readonly Outcome[]): void;
}

/** What is wrong between a process and its kernel; it stays over restarts. */
export interface Disturbance {
  delivery: ModelDriver['delivery'];
  hides: ModelDriver['hides'];
  faults: ModelDriver['faults'];
  /** The process is killed before the write after these many; undefined: it isn't. */
  killAfter: number | undefined;
}

export class SlowDriver implements Driver {
  readonly kinds = BUILD_ORDER;
  readonly #model: ModelDriver;
  readonly #process: Process;
  readonly #random: Random;
  readonly #disturbance: Disturbance;
  readonly #witness: Witness;
  readonly #kill: () => void;
  readonly #pend: (scope: Scope) => void;
  #isComing = false;
  #isWriting = false;
  #heard = emptyScope();
  #lies = new Set<string>();
  #emit: (scope: Scope) => void = () => {};

  constructor(
    kernel: ModelKernel,
    process: Process,
    random: Random,
    { disturbance, witness, kill }: { disturbance: Disturbance; witness: Witness; kill: () => void },
  ) {
    this.#model = new ModelDriver(kernel);
    this.#pend = kernel.emit;
    this.#process = process;
    this.#random = random;
    this.#disturbance = disturbance;
    this.#witness = witness;
    this.#kill = kill;
  }

  get isOver(): boolean {
    return !this.#process.isAlive;
  }

  /** Ids of what the kernel has said was done since they were taken last, and was not. */
  takeLies(): ReadonlySet<string> {
    const lies = this.#lies;
    this.#lies = new Set();
    return lies;
  }

  /** The kernel has announced something. */
  hear(scope: Scope): void {
    if (this.#isWriting) return;
    this.#pend(scope);
    this.#deliverSoon();
  }

  async list(scope: Scope, interest: Interest, care?: Care): Promise<Listing> {
    await this.#process.wait(this.#random.between(1, 8));
    this.#model.hides = this.#disturbance.hides;
    return this.#model.list(scope, interest, care);
  }

  async apply(changes: Change[]): Promise<Outcome[]> {
    const parts = Math.min(changes.length, 1 + this.#random.below(MOST_PARTS));
    const outcomes: Outcome[] = [];
    while (outcomes.length < changes.length) {
      await this.#process.wait(this.#random.between(1, 5));
      const size = Math.ceil((changes.length / parts) * this.#random.between(0.5, 1.5));
      outcomes.push(...(await this.#write(changes.slice(outcomes.length, outcomes.length + size))));
    }
    return outcomes;
  }

  async #write(part: Change[]): Promise<Outcome[]> {
    const { killAfter } = this.#disturbance;
    const isLast = killAfter !== undefined && killAfter <= part.length;
    const made = isLast ? part.slice(0, killAfter) : part;
    if (killAfter !== undefined) this.#disturbance.killAfter = isLast ? undefined : killAfter - part.length;
    this.#witness.before(made);
    for (const { id } of made) if (this.#disturbance.faults.get(id) === 'lie') this.#lies.add(id);
    this.#model.faults = this.#disturbance.faults;
    // Without waiting: what it does to the kernel it does before it returns.
    this.#isWriting = true;
    const writing = this.#model.apply(made);
    this.#isWriting = false;
    if (isLast) this.#kill();
    const outcomes = await writing;
    this.#witness.after(outcomes);
    // Never, if it was just killed.
    if (isLast) await this.#process.wait(0);
    return outcomes;
  }

  async watch(emit: (scope: Scope) => void, interest: () => Interest): Promise<() => Promise<void>> {
    await this.#process.wait(this.#random.between(1, 3));
    this.#emit = emit;
    return this.#model.watch((scope) => void mergeScope(this.#heard, scope), interest);
  }

  async close(): Promise<void> {
    await this.#model.close();
  }

  #deliverSoon(): void {
    if (this.#isComing || !this.#process.isAlive) return;
    this.#isComing = true;
    this.#process.after(this.#random.between(1, 10), () => {
      this.#isComing = false;
      this.#model.delivery = this.#disturbance.delivery;
      this.#model.deliver();
      const heard = this.#heard;
      this.#heard = emptyScope();
      if (isEmptyScope(heard)) return;
      this.#emit(heard);
      if (this.#disturbance.delivery === 'doubled') this.#emit(heard);
    });
  }
}
