/**
 * Owns the watch: one long poll of the prefix's directory after the other, each from the index after the last event.
 *
 * - etcd keeps the last 1000 events of all keys. Who is behind that ends as "compacted", and so does a watch whose directory was
 *   deleted, which etcd tells in one event for all that was in it.
 * - A poll that begins without an event proves that there was none up to etcd's index then: the next one may begin after that, so that a
 *   quiet network in a busy etcd doesn't fall behind.
 * - A member that has gone silent, lost its cluster or its memory is noticed: by asking it now and then for its leader, and by its
 *   index and cluster id in every answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreChange, WatchEvent } from '../../reconciler/contracts/source.ts';
import { EtcdFailure } from '../etcd-common/errors.ts';
import { endOf } from '../etcd-common/watch-end.ts';
import type { V2Client } from './client.ts';
import type { Member } from './http.ts';
import { CLEARED, type Event, type Reply } from './protocol.ts';
import type { V2Keys } from './records.ts';

const GONE = new Set(['delete', 'expire', 'compareAndDelete']);

/** Ends the watch though nothing failed: all has to be listed again. */
class ListAgain extends EtcdFailure {
  constructor(endpoint: string, said: string) {
    super({ kind: 'unavailable', why: 'compacted', unsent: true, endpoint, said }, undefined);
  }
}

/** Watches from `revision` on (inclusive). After stop() nothing is emitted, not even an end. */
export function watchFolder(
  client: V2Client,
  keys: V2Keys,
  revision: number,
  emit: (event: WatchEvent) => void,
): () => void {
  const stop = new AbortController();
  const watch = new Watch(client, keys, revision, (event) => {
    if (!stop.signal.aborted) emit(event);
  });
  watch.run(stop.signal).catch((error: unknown) => {
    if (stop.signal.aborted) return;
    emit(endOf(error));
    stop.abort();
  });
  return () => stop.abort();
}

class Watch {
  readonly #client: V2Client;
  readonly #member: Member;
  readonly #keys: V2Keys;
  readonly #emit: (event: WatchEvent) => void;
  #next: number;
  #clusterId: string | undefined;

  constructor(client: V2Client, keys: V2Keys, revision: number, emit: (event: WatchEvent) => void) {
    this.#client = client;
    this.#member = client.here;
    this.#keys = keys;
    this.#next = revision;
    this.#emit = emit;
  }

  /** Rejects with what ends it. */
  async run(stop: AbortSignal): Promise<never> {
    const over = new AbortController();
    const end = (): void => over.abort();
    stop.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([this.#poll(over.signal), this.#askForLeader(over.signal)]);
    } catch (error) {
      if (error instanceof EtcdFailure) this.#client.leave(this.#member, error);
      throw error;
    } finally {
      stop.removeEventListener('abort', end);
      end();
    }
  }

  async #poll(signal: AbortSignal): Promise<never> {
    let started = false;
    for (;;) {
      // For etcd, 0 is "from now on".
      const from = Math.max(1, this.#next);
      let index = 0;
      const reply = await this.#client.poll(
        this.#member,
        `${this.#keys.folder}?wait=true&recursive=true&waitIndex=${from}`,
        {
          signal,
          onHeaders: (headers) => {
            index = Number(headers['x-etcd-index'] ?? 0);
            this.#check(String(headers['x-etcd-cluster-id'] ?? ''), index, from);
            if (!started) this.#emit({ type: 'started' });
            started = true;
          },
        },
      );
      if (reply) this.#take(reply);
      else this.#next = Math.max(this.#next, index + 1);
    }
  }

  #check(clusterId: string, index: number, from: number): void {
    this.#clusterId ??= clusterId;
    // An error page has neither.
    if (clusterId === '' || index === 0) return;
    if (clusterId !== this.#clusterId) throw this.#listAgain('is another cluster now');
    if (index < from - 1) throw this.#listAgain(`is at index ${index}, not yet or no longer at ${from - 1}`);
  }

  #listAgain(said: string): ListAgain {
    return new ListAgain(this.#member.url, said);
  }

  #take(reply: Reply): void {
    if (!('event' in reply)) {
      const cleared = reply.code === CLEARED;
      throw this.#listAgain(
        cleared ? 'has dropped the events that were asked for' : `refused the watch (${reply.code})`,
      );
    }
    const { node } = reply.event;
    this.#next = node.modifiedIndex + 1;
    if (node.dir) {
      if (GONE.has(reply.event.action)) throw this.#listAgain(`has had the directory ${node.key} deleted`);
      return;
    }
    const change = this.#changeOf(reply.event);
    if (change) this.#emit({ type: 'changes', revision: node.modifiedIndex, changes: [change] });
  }

  #changeOf({ action, node }: Event): StoreChange | undefined {
    const key = this.#keys.ours(node.key);
    if (!this.#keys.isOurs(key)) return undefined;
    if (GONE.has(action)) return { op: 'delete', key, modRevision: node.modifiedIndex };
    return { op: 'put', record: this.#keys.record(node) };
  }

  /** A poll is silent for hours; whether anybody would still say something is asked for beside it. */
  async #askForLeader(signal: AbortSignal): Promise<never> {
    const { keepaliveMs, keepaliveTimeoutMs: deadlineMs } = this.#client.tuning;
    for (;;) {
      // Node's own: it takes its listener off the signal when the time is over.
      await sleep(keepaliveMs, undefined, { signal });
      const { status } = await this.#member.exchange({ method: 'GET', path: '/v2/members/leader', deadlineMs, signal });
      if (status === 503) throw this.#member.failure(new Error('etcdserver: no leader'));
    }
  }
}
