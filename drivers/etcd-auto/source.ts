/**
 * Owns the choice between etcd's two APIs: v3 if the config is there, else v2 if it is there, else both are waited on.
 *
 * - The choice is made anew with every listing and remembered nowhere, so that all hosts come to the same one. A config that appears
 *   where it would change the choice ends the watch as "moved".
 * - A v3 API that fails decides nothing, unless the server is an etcd 2, which has none.
 * - v2 is only ever looked at: what is wrong with it, or that it is off, never fails a listing.
 */
import { configKey } from '../../config/lease-key.ts';
import type { HeldEntry } from '../../reconciler/contracts/report.ts';
import type { LeaseStore, Source, StoreRecord, StoreSnapshot, WatchEvent } from '../../reconciler/contracts/source.ts';
import { EtcdFailure } from '../etcd-common/errors.ts';
import type { V2Source } from '../etcd-v2/source.ts';
import { bothHold } from './difference.ts';

/** How long v2 may take longer than v3, once v3 has the config (ms). */
const GRACE_MS = 1000;
/** How soon a v2 that could not be watched is looked at again (ms). */
const AGAIN_MS = 5000;

interface V2Look {
  snapshot?: StoreSnapshot;
  failure?: unknown;
}

const isOff = (error: unknown): boolean => error instanceof EtcdFailure && error.why === 'notEtcd';

export class AutoSource implements Source {
  readonly where: string;
  readonly #v3: Source;
  readonly #v2: V2Source;
  readonly #prefix: string;
  #chosen: Source;
  #held: HeldEntry[] = [];
  /** Where the other API's watch begins; undefined: it can't be watched, or need not be. */
  #v3Revision: number | undefined;
  #v2Look: V2Look = {};
  /** Neither has a config. */
  #waiting = true;

  constructor(v3: Source, v2: V2Source, prefix: string) {
    this.#v3 = v3;
    this.#v2 = v2;
    this.#chosen = v3;
    this.#prefix = prefix;
    this.where = v3.where;
  }

  get kind(): Source['kind'] {
    return this.#chosen.kind;
  }

  get leaseForm(): Source['leaseForm'] {
    return this.#chosen.leaseForm;
  }

  get leases(): LeaseStore {
    return this.#chosen.leases;
  }

  /** Of the API that was chosen. */
  async records(under: string): Promise<StoreRecord[]> {
    return (await this.#chosen.records?.(under)) ?? [];
  }

  get held(): readonly HeldEntry[] {
    return this.#held;
  }

  /** What was looked at, for a message that there is no config. */
  get looked(): string {
    const { failure } = this.#v2Look;
    if (failure === undefined) return 'neither with the v3 API nor with the v2 API';
    if (isOff(failure)) return 'v3 API; v2 is off there';
    return `v3 API; v2 could not be looked at: ${failure instanceof Error ? failure.message : failure}`;
  }

  async snapshot(signal?: AbortSignal): Promise<StoreSnapshot> {
    const look = this.#lookAtV2(signal);
    let v3: StoreSnapshot;
    try {
      v3 = await this.#v3.snapshot(signal);
    } catch (error) {
      const v2 = await this.#etcd2(look);
      if (!v2) throw error;
      return this.#choose(this.#v2, v2);
    }
    this.#v3Revision = v3.revision;
    this.#v2Look = await (v3.config ? patiently(look, GRACE_MS) : look);
    const v2 = this.#v2Look.snapshot;
    if (v3.config) return this.#choose(this.#v3, v3, v2?.config ? [bothHold(this.#prefix, v3, v2)] : []);
    return v2?.config ? this.#choose(this.#v2, v2) : this.#choose(this.#v3, v3);
  }

  watch(revision: number, emit: (event: WatchEvent) => void): () => void {
    const chosen = this.#chosen;
    const stops: (() => void)[] = [];
    let over = false;
    const stop = (): void => {
      over = true;
      for (const each of stops.splice(0)) each();
    };
    // A watch may end before it is even handed out: nobody would stop what is begun beside it then.
    const beside = (begin: () => () => void): void => {
      if (over) return;
      const end = begin();
      if (over) end();
      else stops.push(end);
    };
    const move = (to: 'v3' | 'v2'): void => {
      if (over) return;
      stop();
      const message = `a network config was put at ${configKey(this.#prefix)} with the ${to} API, which is used from now on`;
      emit({ type: 'ended', reason: 'moved', message });
    };
    const pass = (event: WatchEvent): void => {
      if (over) return;
      if (event.type === 'ended') stop();
      emit(event);
    };
    beside(() => chosen.watch(revision, pass));
    const v3From = this.#v3Revision;
    if (chosen === this.#v2 && v3From !== undefined) {
      beside(() => this.#untilConfig(this.#v3, v3From, () => move('v3')));
    }
    const { snapshot } = this.#v2Look;
    // Only while neither has a config: then the first that gets one is it.
    if (this.#waiting && chosen === this.#v3 && snapshot) {
      beside(() => this.#untilConfig(this.#v2, snapshot.revision, () => move('v2')));
    }
    return stop;
  }

  reconnect(): void {
    this.#v3.reconnect?.();
    this.#v2.reconnect?.();
  }

  async close(): Promise<void> {
    await Promise.all([this.#v3.close(), this.#v2.close()]);
  }

  #choose(source: Source, snapshot: StoreSnapshot, held: HeldEntry[] = []): StoreSnapshot {
    this.#chosen = source;
    this.#held = held;
    this.#waiting = snapshot.config === undefined;
    return snapshot;
  }

  async #lookAtV2(signal?: AbortSignal): Promise<V2Look> {
    try {
      return { snapshot: await this.#v2.snapshot(signal) };
    } catch (failure) {
      return { failure };
    }
  }

  /** v2's listing, if v3 failed because this is an etcd 2. */
  async #etcd2(look: Promise<V2Look>): Promise<StoreSnapshot | undefined> {
    const { snapshot } = await look;
    if (!snapshot) return undefined;
    const version = await this.#v2.serverVersion().catch(() => undefined);
    return version?.startsWith('2.') ? snapshot : undefined;
  }

  /** Watches the other API for a config; calls `found` when there is one. */
  #untilConfig(source: Source, from: number, found: () => void): () => void {
    const key = configKey(this.#prefix);
    const stopped = new AbortController();
    let stopWatch = (): void => {};
    let timer: NodeJS.Timeout | undefined;
    const lookAgain = async (): Promise<void> => {
      const listing = await source.snapshot(stopped.signal).catch(() => undefined);
      if (stopped.signal.aborted) return;
      if (listing?.config) found();
      else if (listing) begin(listing.revision);
      else again();
    };
    const again = (): void => {
      timer = setTimeout(() => void lookAgain(), AGAIN_MS);
    };
    const begin = (revision: number): void => {
      stopWatch = source.watch(revision + 1, (event) => {
        if (event.type === 'changes') {
          if (event.changes.some((change) => change.op === 'put' && change.record.key === key)) found();
        } else if (event.type === 'ended' && event.reason !== 'stopped') {
          again();
        }
      });
    };
    begin(from);
    return () => {
      stopped.abort();
      clearTimeout(timer);
      stopWatch();
    };
  }
}

/** What there is after `ms` at the latest. */
async function patiently(look: Promise<V2Look>, ms: number): Promise<V2Look> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<V2Look>((resolve) => {
    timer = setTimeout(() => resolve({ failure: new Error('it did not answer in time') }), ms);
  });
  const first = await Promise.race([look, late]);
  clearTimeout(timer);
  return first;
}
