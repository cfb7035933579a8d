/**
 * Owns the mirror of `<prefix>/config`: which network config is in force, and what is wrong with what the store has.
 * The last good one stays in force whatever the store says; only `complete` tells whether things may be deleted on its word: not while the
 * store has none, whether somebody deleted it or the store was wiped.
 */
import type { NetworkConfig } from '../../config/model.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import type { HeldList } from '../contracts/held-list.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { StoreRecord } from '../contracts/source.ts';

/**
 * - there: as in the store. unreadable: the store's can't be read. lost: a doubted store doesn't have it.
 * - gone: the store's word is that there is none (deleted, or never written).
 */
type State = 'there' | 'unreadable' | 'lost' | 'gone';

export class ConfigMirror {
  readonly key: string;
  /** The config in force; undefined until one could be read. */
  value: NetworkConfig | undefined;
  /** The record that `value` was read from. */
  record: StoreRecord | undefined;
  /** Revision of the key in the store, readable or not. */
  revision = 0;
  readonly #held: HeldList;
  #state: State = 'gone';

  constructor(key: string, held: HeldList) {
    this.key = key;
    this.#held = held;
  }

  get text(): string | undefined {
    return this.record?.value;
  }

  get lost(): boolean {
    return this.#state === 'lost';
  }

  get complete(): boolean {
    return this.value !== undefined && (this.#state === 'there' || this.#state === 'unreadable');
  }

  /** What a listing says; `doubted`: of a store that may have lost its memory. @returns whether the config in force changed */
  list(record: StoreRecord | undefined, doubted: boolean): boolean {
    if (record) return this.put(record);
    if (this.value && (doubted || this.#state === 'lost')) this.#enter('lost');
    else this.delete();
    return false;
  }

  /** @returns whether the config in force changed: not by another spelling of the same */
  put(record: StoreRecord): boolean {
    this.revision = record.modRevision;
    if (this.record && this.text === record.value) {
      this.record = record;
      this.#enter('there');
      return false;
    }
    try {
      const value = parseNetworkConfig(record.value);
      const changed = JSON.stringify(value) !== JSON.stringify(this.value);
      this.value = value;
      this.record = record;
      this.#enter('there');
      return changed;
    } catch (error) {
      this.#enter('unreadable', error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** The store's word that there is none. */
  delete(): void {
    this.revision = 0;
    this.#enter('gone');
  }

  #enter(state: State, problem = ''): void {
    this.#state = state;
    this.#held.set('config', this.key, this.#hold(problem));
  }

  #hold(problem: string): HeldEntry | undefined {
    const { key } = this;
    const inForce = this.value ? ' The last good one stays in force.' : '';
    switch (this.#state) {
      case 'there':
      case 'lost':
        // That it is lost is said of the store.
        return undefined;
      case 'unreadable':
        return {
          kind: 'config',
          key,
          why: 'malformed config',
          detail: `The network config at ${key} can't be used: ${problem}${inForce}`,
          unmet: true,
        };
      case 'gone': {
        const detail = this.value
          ? `The network config at ${key} was deleted; the last one stays in force, and nothing is removed until there is one again.`
          : `There is no network config at ${key}; write one with etcdctl put.`;
        return { kind: 'config', key, why: 'no config', detail, unmet: true };
      }
    }
  }
}
