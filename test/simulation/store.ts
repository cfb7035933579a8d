/**
 * Owns one host's connection to the simulated etcd (test/helpers/memory-store.ts): what takes time there and back, and what breaks.
 *
 * - A request takes effect after a while and is answered after another; between the two the connection, or the process, may go. Who gives a
 *   request up after its time-out doesn't take it back: it may still be carried out (a late write).
 * - A watch tells all in order, each a little late. A cut connection is noticed at once, or (`silent`) after the keepalive's time-out.
 * - `ignorantSince` is what this connection has told its host: by it others judge whether the host knows enough to delete.
 */
import {
  type LeaseStore,
  type Source,
  StoreError,
  type StoreSnapshot,
  type WatchEvent,
} from '../../reconciler/contracts/source.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { CONFIG_KEY } from '../helpers/store.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

/** How long a request is waited for, and a dead connection believed in, ms (drivers/etcd/grpc-options.ts). */
const TIMEOUT_MS = 5000;
const KEEPALIVE_MS = 13_000;

/** How a host's way to the store is; faults change it, and all its connections have it. */
export interface Uplink {
  /** `loud`: refused at once. `silent`: what is sent is lost. */
  cut: 'loud' | 'silent' | undefined;
  /** Most ms that a request, or an event, is under way. */
  slowest: number;
  /** The next write is carried out, and its answer lost. */
  losesAnswer: boolean;
  /** ms that the next write is under way. */
  lateBy: number;
}

export const goodUplink = (): Uplink => ({ cut: undefined, slowest: 20, losesAnswer: false, lateBy: 0 });

export class Connection implements Source {
  readonly leases: LeaseStore;
  /** Since when its host knows too little to delete anything: no store is heard, or it has told of no config. ms; undefined: it knows. */
  ignorantSince: number | undefined;
  /** The last listing or watch has not ended. */
  isHeard = false;
  #hasConfig = false;
  /** The cluster that was listed last. */
  #listed: string | undefined;
  readonly #store: MemoryStore;
  readonly #process: Process;
  readonly #uplink: Uplink;
  readonly #random: Random;
  #watch:
    | { stop: () => void; isBroken: () => boolean; end: (event: WatchEvent & { type: 'ended' }) => void }
    | undefined;

  constructor(store: MemoryStore, process: Process, uplink: Uplink, random: Random) {
    this.#store = store;
    this.#process = process;
    this.#uplink = uplink;
    this.#random = random;
    this.ignorantSince = process.now();
    const { leases } = store;
    this.leases = {
      create: (...args) => this.#write(() => leases.create(...args)),
      update: (...args) => this.#write(() => leases.update(...args)),
      renew: (...args) => this.#write(() => leases.renew(...args)),
      release: (...args) => this.#write(() => leases.release(...args)),
      timeLeft: (...args) => this.#ask(() => leases.timeLeft(...args)),
    };
  }

  get kind(): Source['kind'] {
    return this.#store.kind;
  }

  get leaseForm(): 'v2' | 'v3' {
    return this.#store.leaseForm;
  }

  get where(): string {
    return this.#store.where;
  }

  async snapshot(): Promise<StoreSnapshot> {
    const listing = await this.#ask(() => this.#store.snapshot());
    this.#listed = listing.clusterId;
    // A doubted store's word that there is none is not believed; one that never had one is.
    this.#knows(true, listing.config !== undefined || this.#hasConfig);
    return listing;
  }

  watch(revision: number, emit: (event: WatchEvent) => void): () => void {
    let isOver = false;
    // What comes after a cut doesn't come on this connection any more: a watch never skips.
    let isBroken = false;
    let lastAt = 0;
    const tell = (event: WatchEvent, ms: number): void => {
      const at = Math.max(lastAt, this.#process.now() + ms);
      lastAt = at;
      this.#process.after(at - this.#process.now(), () => {
        if (isOver) return;
        if (event.type === 'ended') finish();
        this.#note(event);
        emit(event);
      });
    };
    const hear = (event: WatchEvent): void => {
      if (!isBroken) tell(event, this.#delay());
    };
    const stop = this.#store.watch(revision, hear, this.#listed);
    const finish = (): void => {
      isOver = true;
      stop();
      if (this.#watch?.stop === finish) this.#watch = undefined;
    };
    this.#watch = {
      stop: finish,
      isBroken: () => isBroken,
      end: (event) => {
        if (isBroken) return;
        isBroken = true;
        tell(event, this.#uplink.cut === 'silent' ? KEEPALIVE_MS : this.#random.between(0, 5));
      },
    };
    if (this.#uplink.cut !== undefined) this.broken();
    return finish;
  }

  /** Its watch is broken, and it has not noticed. */
  get isDeaf(): boolean {
    return this.#watch?.isBroken() ?? false;
  }

  /** The way is cut: whoever watches hears of it, sooner or later. */
  broken(): void {
    this.#watch?.end({ type: 'ended', reason: 'unavailable', message: 'The connection was lost.' });
  }

  reconnect(): void {
    this.broken();
  }

  async close(): Promise<void> {
    this.#watch?.stop();
  }

  #note(event: WatchEvent): void {
    if (event.type === 'ended') this.#knows(false, this.#hasConfig);
    if (event.type !== 'changes') return;
    for (const change of event.changes) {
      const key = change.op === 'put' ? change.record.key : change.key;
      if (key === CONFIG_KEY) this.#knows(this.isHeard, change.op === 'put');
    }
  }

  #knows(isHeard: boolean, hasConfig: boolean): void {
    this.isHeard = isHeard;
    this.#hasConfig = hasConfig;
    if (isHeard && hasConfig) this.ignorantSince = undefined;
    else this.ignorantSince ??= this.#process.now();
  }

  #delay(): number {
    return this.#random.between(1, this.#uplink.slowest);
  }

  #write<T>(carryOut: () => Promise<T>): Promise<T> {
    const { losesAnswer, lateBy } = this.#uplink;
    this.#uplink.losesAnswer = false;
    this.#uplink.lateBy = 0;
    return this.#ask(carryOut, lateBy, losesAnswer);
  }

  /** Rejects with a StoreError. Never ends once the process is over. */
  #ask<T>(carryOut: () => Promise<T>, lateBy = 0, losesAnswer = false): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new StoreError('unavailable', `${this.where} can't be reached.`));
      if (this.#uplink.cut === 'loud') return this.#process.after(this.#delay(), lost);
      this.#process.after(TIMEOUT_MS, lost);
      if (this.#uplink.cut === 'silent') return;
      // What is under way arrives also when its sender has died.
      this.#process.time.setTimeout(() => {
        const answer = carryOut();
        answer.then(
          (value) => this.#answer(losesAnswer, lost, () => resolve(value)),
          (error: unknown) => this.#answer(losesAnswer, lost, () => reject(error)),
        );
      }, this.#delay() + lateBy);
    });
  }

  #answer(isLost: boolean, lost: () => void, answered: () => void): void {
    this.#process.after(this.#delay(), isLost || this.#uplink.cut !== undefined ? lost : answered);
  }
}
