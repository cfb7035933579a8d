/** Owns what a test sees of a watch: all its events, and waiting for them. */
import assert from 'node:assert/strict';
import type { Source, StoreChange, WatchEvent } from '../../../reconciler/contracts/source.ts';
import { eventually } from '../../helpers/eventually.ts';

export class Watching {
  readonly events: WatchEvent[] = [];
  readonly stop: () => void;

  constructor(source: Source, revision: number, onEvent: (event: WatchEvent) => void = () => {}) {
    this.stop = source.watch(revision, (event) => {
      this.events.push(event);
      onEvent(event);
    });
  }

  get started(): boolean {
    return this.events.some(({ type }) => type === 'started');
  }

  get changes(): StoreChange[] {
    return this.events.flatMap((event) => (event.type === 'changes' ? event.changes : []));
  }

  get ended() {
    return this.events.find((event) => event.type === 'ended');
  }

  /** The last revision that was delivered; `otherwise` if none was. */
  lastRevision(otherwise: number): number {
    return this.events.reduce((last, event) => (event.type === 'changes' ? event.revision : last), otherwise);
  }

  untilStarted(): Promise<boolean> {
    return eventually(() => this.started, { what: 'the watch to start' });
  }

  /** Waits for `count` changes and returns all that came. */
  async untilChanges(count: number): Promise<StoreChange[]> {
    await eventually(() => this.changes.length >= count, { what: `${count} changes`, timeout: 30_000 });
    return this.changes;
  }

  /** Waits for the end, which must be the last event and the only one of its type. */
  async untilEnded() {
    const ended = await eventually(() => this.ended, { what: 'the watch to end', timeout: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(this.events.at(-1), ended, 'nothing is delivered after the end');
    assert.equal(this.events.filter(({ type }) => type === 'ended').length, 1, 'it ends once');
    return ended;
  }
}

/** "put key=value" and "delete key", for comparing sequences. */
export const brief = (changes: readonly StoreChange[]): string[] =>
  changes.map((change) =>
    change.op === 'put' ? `put ${change.record.key}=${change.record.value}` : `delete ${change.key}`,
  );

export const revisionOf = (change: StoreChange): number =>
  change.op === 'put' ? change.record.modRevision : change.modRevision;
