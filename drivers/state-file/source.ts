/**
 * Owns the Source that reads a file (--state-file): a static network, a test, a repair without any etcd.
 *
 * - The file is believed at once and whatever it says: revisions are counted here, one for each difference between two looks at it, so
 *   that they never go back, and the file's name is the store's identity.
 * - A file that can't be read or used is an error of the store, never an empty network: what was in force stays.
 * - It is only ever read. Its folder is watched, as a watch on a file ends at the first atomic rename.
 */
import { resolve } from 'node:path';
import { configKey } from '../../config/lease-key.ts';
import {
  type CreateResult,
  type LeaseStore,
  type Source,
  type StoreChange,
  StoreError,
  type StoreRecord,
  type StoreSnapshot,
  type WatchEvent,
} from '../../reconciler/contracts/source.ts';
import { readState, sentenceOf } from '../files/own-file.ts';
import { PathWatch } from '../files/watch.ts';
import { parseStateFile } from './document.ts';

/** Changes that a later watch may ask for. */
const MOST_KEPT = 10_000;
/** 16,384 leases are some 5 MB. */
const MOST_BYTES = 256 << 20;

interface Watcher {
  next: number;
  emit: (event: WatchEvent) => void;
}

export class FileSource implements Source {
  readonly kind = 'file';
  readonly leaseForm = 'v3';
  readonly where: string;
  readonly looked = 'it names no "config"';
  readonly leases: LeaseStore;
  readonly #prefix: string;
  readonly #records = new Map<string, StoreRecord>();
  readonly #watchers = new Set<Watcher>();
  #history: StoreChange[] = [];
  #revision = 0;
  #closed = false;
  #folder: PathWatch | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(path: string, prefix: string) {
    this.where = resolve(path);
    this.#prefix = prefix;
    this.leases = readOnly(this.where);
  }

  async snapshot(signal?: AbortSignal): Promise<StoreSnapshot> {
    if (signal?.aborted || this.#closed) throw this.#failure('is no longer read');
    let abort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(this.#failure('is no longer read'));
    });
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#look(), aborted]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    const { [configKey(this.#prefix)]: config, ...leases } = Object.fromEntries(this.#records);
    return { clusterId: `file ${this.where}`, revision: this.#revision, config, leases: Object.values(leases) };
  }

  watch(revision: number, emit: (event: WatchEvent) => void): () => void {
    const watcher: Watcher = { next: revision, emit };
    this.#watchers.add(watcher);
    this.#begin(watcher).catch((error: unknown) => this.#end(watcher, 'unavailable', (error as Error).message));
    return () => {
      this.#watchers.delete(watcher);
      this.#stopFolder();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watcher of [...this.#watchers]) this.#end(watcher, 'stopped', `${this.where} is no longer read`);
    this.#stopFolder();
  }

  async #begin(watcher: Watcher): Promise<void> {
    this.#folder ??= new PathWatch(this.where, () => {
      this.#look().catch((error: unknown) => {
        for (const each of [...this.#watchers]) this.#end(each, 'unavailable', (error as Error).message);
      });
    });
    await this.#folder.start();
    if (!this.#watchers.has(watcher)) return;
    const oldest = this.#history[0];
    if (watcher.next <= this.#revision && (!oldest || revisionOf(oldest) > watcher.next)) {
      return this.#end(watcher, 'compacted', `${this.where} has changed too often to tell how`);
    }
    watcher.emit({ type: 'started' });
    // What changed between the snapshot and the watch.
    await this.#look();
    this.#deliver(watcher);
  }

  /** Reads the file and takes its differences; one look after the other. */
  #look(): Promise<void> {
    const look = this.#looking.then(async () => {
      const values = await this.#read();
      const changes = this.#changesTo(values);
      if (!changes.length) return;
      this.#history = this.#history.concat(changes).slice(-MOST_KEPT);
      for (const watcher of this.#watchers) this.#deliver(watcher);
    });
    this.#looking = look.catch(() => {});
    return look;
  }

  async #read(): Promise<Map<string, string>> {
    const text = await this.#text();
    try {
      return parseStateFile(text, this.#prefix);
    } catch (cause) {
      throw new StoreError('invalid', `--state-file ${this.where} can't be used: ${(cause as Error).message}.`, {
        cause,
      });
    }
  }

  async #text(): Promise<string> {
    // A person's own file, and only read: it may be a link, and be anybody's, as long as not everybody may write it.
    const state = await readState(this.where, { follow: true, owner: 'any', most: MOST_BYTES }).catch(
      (cause: Error) => {
        throw new StoreError('unavailable', `--state-file ${this.where} can't be read (${cause.message}).`, { cause });
      },
    );
    if (state.what === 'file') return state.bytes.toString('utf8');
    const problem =
      state.what === 'other'
        ? sentenceOf(this.where, state.wrong, '--state-file')
        : `--state-file ${this.where} can't be read (there is no such file).`;
    throw new StoreError('unavailable', problem);
  }

  #changesTo(values: ReadonlyMap<string, string>): StoreChange[] {
    const changes: StoreChange[] = [];
    for (const key of [...this.#records.keys()]) {
      if (values.has(key)) continue;
      this.#records.delete(key);
      changes.push({ op: 'delete', key, modRevision: ++this.#revision });
    }
    for (const [key, value] of values) {
      const before = this.#records.get(key);
      if (before?.value === value) continue;
      const modRevision = ++this.#revision;
      const record = { key, value, modRevision, createRevision: before?.createRevision ?? modRevision, leaseId: '0' };
      this.#records.set(key, record);
      changes.push({ op: 'put', record });
    }
    return changes;
  }

  #deliver(watcher: Watcher): void {
    const changes = this.#history.filter((change) => revisionOf(change) >= watcher.next);
    const last = changes.at(-1);
    if (!last || !this.#watchers.has(watcher)) return;
    watcher.next = revisionOf(last) + 1;
    watcher.emit({ type: 'changes', revision: revisionOf(last), changes });
  }

  #end(watcher: Watcher, reason: Extract<WatchEvent, { type: 'ended' }>['reason'], message: string): void {
    if (this.#watchers.delete(watcher)) watcher.emit({ type: 'ended', reason, message });
    this.#stopFolder();
  }

  #stopFolder(): void {
    if (this.#watchers.size) return;
    this.#folder?.stop();
    this.#folder = undefined;
  }

  #failure(what: string): StoreError {
    return new StoreError('unavailable', `--state-file ${this.where} ${what}.`);
  }
}

const revisionOf = (change: StoreChange): number =>
  change.op === 'put' ? change.record.modRevision : change.modRevision;

/** A person writes the file. */
function readOnly(where: string): LeaseStore {
  const refuse = async (): Promise<never> => {
    throw new StoreError(
      'invalid',
      `selvage doesn't write ${where}: put this host's lease into it, with its PublicIP.`,
    );
  };
  return {
    create: refuse as () => Promise<CreateResult>,
    update: refuse,
    renew: refuse,
    release: refuse,
    timeLeft: async () => new Map(),
  };
}
