/**
 * Owns services whose every asynchronous answer a test gives by hand, for tests of the machine alone: when, not how.
 */
import assert from 'node:assert/strict';
import { createActor } from 'xstate';
import { emptyScope, everything, isEmptyScope, mergeScope, type Scope } from '../../reconciler/contracts/scope.ts';
import type { AgentEvent, Region, Send } from '../../states/events.ts';
import type { AcquireResult, LeaseServices } from '../../states/lease-services.ts';
import { agentMachine } from '../../states/machine.ts';
import type { RoundServices } from '../../states/round-services.ts';
import type { AgentServices } from '../../states/services.ts';
import type { StoreServices } from '../../states/store-services.ts';
import { SimulatedTime } from './simulated-time.ts';

interface Answers {
  connect: { revision: number };
  acquire: AcquireResult;
  renew: 'renewed' | 'lost';
  read: undefined;
  plan: { changes: number };
  apply: undefined;
  verify: undefined;
}
export type Asked = keyof Answers;

interface Question {
  name: Asked;
  resolve(value: unknown): void;
  reject(error: Error): void;
  signal?: AbortSignal;
}

export class FakeServices implements StoreServices, LeaseServices, RoundServices {
  /** All that was asked, in order. */
  readonly asked: string[] = [];
  /** What has not been answered yet. */
  open: Question[] = [];
  readonly states: Record<Region, string[]> = { store: [], lease: [], work: [] };
  readonly failures: string[] = [];
  readonly storeEnds: string[] = [];
  /** What watches and schedule send through. */
  send: { host?: Send; store?: Send; schedule?: Send } = {};

  dirty: Scope = emptyScope();
  /** The scope of each round, from its read on; the last one is in hand. */
  rounds: Scope[] = [];
  abandoned = 0;
  desired = true;
  config: 'missing' | 'invalid' | 'good' = 'good';
  wantsLease = true;
  lease: 'same' | 'changed' | 'gone' = 'same';
  renewDelay: number | undefined = 1000;
  retryDelay: number | undefined;
  retriesDue: Scope = emptyScope();

  watchHost(send: Send): () => void {
    return this.#watch('host', send);
  }
  watchStore(send: Send): () => void {
    return this.#watch('store', send);
  }
  schedule(send: Send): () => void {
    return this.#watch('schedule', send);
  }

  connect(signal: AbortSignal): Promise<{ revision: number }> {
    return this.#ask('connect', signal);
  }
  acquire(signal: AbortSignal): Promise<AcquireResult> {
    return this.#ask('acquire', signal);
  }
  renew(): Promise<'renewed' | 'lost'> {
    return this.#ask('renew');
  }
  read(): Promise<void> {
    this.rounds.push(this.dirty);
    this.dirty = emptyScope();
    return this.#ask('read');
  }
  plan(): Promise<{ changes: number }> {
    return this.#ask('plan');
  }
  apply(): Promise<void> {
    return this.#ask('apply');
  }
  verify(): Promise<void> {
    return this.#ask('verify');
  }

  abandonRound(): void {
    this.abandoned++;
    this.dirty = everything();
  }
  markDirty(scope: Scope): void {
    mergeScope(this.dirty, scope);
  }
  markRetriesDirty(): void {
    this.markDirty(this.retriesDue);
    this.retriesDue = emptyScope();
    this.retryDelay = undefined;
  }
  hasWork(): boolean {
    return this.desired && !isEmptyScope(this.dirty);
  }
  configState(): 'missing' | 'invalid' | 'good' {
    return this.config;
  }
  leaseWanted(): boolean {
    return this.wantsLease;
  }
  leaseState(): 'same' | 'changed' | 'gone' {
    return this.lease;
  }
  renewDelayMs(): number | undefined {
    return this.renewDelay;
  }
  retryDelayMs(): number | undefined {
    return this.retryDelay;
  }
  backoffMs(failures: number, first: number, most: number): number {
    return Math.min(most, first * 2 ** (failures - 1));
  }
  noteState(region: Region, state: string): void {
    this.states[region].push(state);
  }
  noteFailure(region: Region, error: unknown): void {
    this.failures.push(`${region}: ${error instanceof Error ? error.message : String(error)}`);
  }
  noteStoreEnded(reason: string): void {
    this.storeEnds.push(reason);
  }

  /** As the machine has them. */
  get byRegion(): AgentServices {
    return {
      store: this,
      lease: this,
      work: this,
      backoffMs: this.backoffMs.bind(this),
      noteState: this.noteState.bind(this),
      noteFailure: this.noteFailure.bind(this),
    };
  }

  /** Whether `name` is being waited for. */
  isOpen(name: Asked): boolean {
    return this.open.some((question) => question.name === name);
  }

  take(name: Asked): Question {
    const index = this.open.findIndex((question) => question.name === name);
    assert.ok(index >= 0, `${name} is not being waited for, but ${this.open.map((one) => one.name).join(', ')}`);
    return this.open.splice(index, 1)[0]!;
  }

  #ask<N extends Asked>(name: N, signal?: AbortSignal): Promise<Answers[N]> {
    this.asked.push(name);
    return new Promise<Answers[N]>((resolve, reject) => {
      this.open.push({ name, resolve: resolve as Question['resolve'], reject, signal });
    });
  }

  #watch(name: 'host' | 'store' | 'schedule', send: Send): () => void {
    this.asked.push(`watch ${name}`);
    this.send[name] = send;
    return () => {
      this.asked.push(`stop ${name}`);
      this.send[name] = undefined;
    };
  }
}

/** The machine over fake services. */
export class Rig {
  readonly time = new SimulatedTime();
  readonly services = new FakeServices();
  #made: ReturnType<typeof run> | undefined;
  /** What ended the machine, if anything did: nothing may. */
  error: unknown;

  /** Only here the machine is made: it asks its guards before it is started. */
  start(): this {
    this.#made = run(this.services, this.time);
    this.#made.subscribe({ error: (error) => (this.error = error) });
    this.#made.start();
    return this;
  }

  get #actor() {
    assert.ok(this.#made, 'not started');
    return this.#made;
  }

  /** Connected, lease held, nothing to do. */
  async startHeld(): Promise<this> {
    this.start();
    await this.answer('connect', { revision: 1 });
    await this.answer('acquire', 'held');
    return this;
  }

  get state(): { store: unknown; lease: unknown; work: unknown } {
    return this.#actor.getSnapshot().value as { store: unknown; lease: unknown; work: unknown };
  }

  get context() {
    return this.#actor.getSnapshot().context;
  }

  send(event: AgentEvent): void {
    this.#actor.send(event);
  }

  async answer<N extends Asked>(name: N, ...value: Answers[N] extends undefined ? [] : [Answers[N]]): Promise<void> {
    this.services.take(name).resolve(value[0]);
    await this.time.settle();
  }

  async fail(name: Asked, message = `${name} failed`): Promise<void> {
    this.services.take(name).reject(new Error(message));
    await this.time.settle();
  }

  /** Answers the rest of the round in hand. */
  async finishRound(changes = 1): Promise<void> {
    if (this.services.isOpen('read')) await this.answer('read');
    if (this.services.isOpen('plan')) await this.answer('plan', { changes });
    if (this.services.isOpen('apply')) await this.answer('apply');
    await this.answer('verify');
  }

  stop(): void {
    this.#actor.stop();
  }
}

function run(services: FakeServices, { setTimeout, clearTimeout }: SimulatedTime) {
  return createActor(agentMachine, { input: { services: services.byRegion }, clock: { setTimeout, clearTimeout } });
}
