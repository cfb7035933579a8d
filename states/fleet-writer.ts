/**
 * Owns that this host says of itself how it is (--fleet): one key in the store, under an etcd lease of its own, which goes soon after the daemon.
 *
 * - Written when something has changed, and at most every 30 s; between that only its lease is extended, which no watch tells anybody.
 * - Each write is told to every host that watches the network: a change on all of them at once is spread over up to half a minute.
 * - Where the store doesn't permit it, that is said once, and given up. Nothing of the network depends on it.
 */
import { summaryKey } from '../config/lease-key.ts';
import { type LeaseStore, StoreError, type StoreRecord } from '../reconciler/contracts/source.ts';
import type { Summary } from '../reconciler/fleet/summary.ts';
import type { Clock, Log } from './deps.ts';
import { timeless } from './journal.ts';

const EVERY_MS = 30_000;
/** Several changes that come together are one. */
const NEWS_MS = 1000;
/** For each host of the network the time in which a change may be told is so much longer. */
const SPREAD_MS = 20;
/** How long a daemon that ends waits for the store to take its word away. */
const LEAVE_MS = 2000;
/** The key goes so long after the daemon's last sign of life: four that were missed. */
export const SUMMARY_TTL_SECONDS = 120;

export interface FleetWriterDeps {
  prefix: string;
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
  /** Read anew each time: a source may come to another store. */
  leases(): LeaseStore;
  /** Our own; undefined while we have no lease. */
  subnet(): string | undefined;
  /** How many hosts the network has, or more. */
  hosts(): number;
  summary(): Summary;
}

export class FleetWriter {
  readonly #deps: FleetWriterDeps;
  readonly #stop = new AbortController();
  #record: StoreRecord | undefined;
  /** What was written last, without what ticks. */
  #said = '';
  #isNews = false;
  #wake: () => void = () => {};
  readonly #done: Promise<void>;

  constructor(deps: FleetWriterDeps) {
    this.#deps = deps;
    this.#done = this.#run();
  }

  /** The summary may be another. */
  changed(): void {
    this.#isNews = true;
    this.#wake();
  }

  /** Resolves when the key is gone, or could not be taken away in time. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    if (!this.#record) return;
    const { clock, leases } = this.#deps;
    await Promise.race([
      leases()
        .release(this.#record)
        .catch(() => {}),
      clock.sleep(LEAVE_MS),
    ]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let isBeat = true; !signal.aborted; ) {
      this.#isNews = false;
      const told = await this.#tell(isBeat);
      if (told === 'denied') return;
      isBeat = await this.#pause(told === 'written');
    }
  }

  /** Until something may be new, or a sign of life is due, which it returns. After a write it is due first. */
  async #pause(hasWritten: boolean): Promise<boolean> {
    const { clock, random } = this.#deps;
    const { signal } = this.#stop;
    // A fleet that was started together doesn't write together for ever.
    const beat = EVERY_MS * (1 + random() / 10);
    if (hasWritten) {
      await clock.sleep(beat, signal).catch(() => {});
      return true;
    }
    const over = new AbortController();
    const end = (): void => over.abort();
    signal.addEventListener('abort', end, { once: true });
    let isBeat = true;
    const news = async (): Promise<void> => {
      if (!this.#isNews) await new Promise<void>((resolve) => (this.#wake = resolve));
      const spread = Math.min(EVERY_MS - NEWS_MS, this.#deps.hosts() * SPREAD_MS);
      await clock.sleep(NEWS_MS + random() * spread, over.signal);
      isBeat = false;
    };
    await Promise.race([clock.sleep(beat, over.signal), news()]).catch(() => {});
    signal.removeEventListener('abort', end);
    end();
    return isBeat;
  }

  async #tell(isBeat: boolean): Promise<'written' | 'kept' | 'denied'> {
    try {
      return await this.#write(isBeat);
    } catch (error) {
      const { log, prefix } = this.#deps;
      // What else fails is the store's trouble, and said there.
      if (!(error instanceof StoreError) || error.kind !== 'denied') return 'kept';
      const cure = `give its role readwrite on ${prefix}/selvage/, or leave --fleet out`;
      log.warn({}, `This host can't say how it is for selvage fleet: ${error.message.replace(/\.$/, '')}; ${cure}.`);
      return 'denied';
    }
  }

  async #write(isBeat: boolean): Promise<'written' | 'kept'> {
    const { prefix } = this.#deps;
    const subnet = this.#deps.subnet();
    const key = subnet && summaryKey(prefix, subnet);
    const leases = this.#deps.leases();
    if (this.#record && this.#record.key !== key) {
      await leases.release(this.#record);
      this.#record = undefined;
    }
    if (key === undefined) return 'kept';
    const summary = this.#deps.summary();
    const said = timeless(JSON.stringify({ ...summary, at: '' }));
    if (this.#record && said === this.#said) {
      if (!isBeat || (await leases.renew(this.#record)) !== 'lost') return 'kept';
      this.#record = undefined;
    }
    const text = JSON.stringify(summary);
    if (this.#record) {
      const updated = await leases.update(this.#record, text);
      this.#record = updated === 'changed' ? undefined : updated;
    }
    if (!this.#record) {
      // Of this host's last daemon there may still be one, for two minutes: then the next sign of life tries again.
      const created = await leases.create(key, text, SUMMARY_TTL_SECONDS);
      this.#record = created.result === 'created' ? created.record : undefined;
    }
    this.#said = said;
    return 'written';
  }
}
