/** The choice between two APIs, over two sources that a test plays. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AutoSource } from '../../../../drivers/etcd-auto/source.ts';
import type { V2Source } from '../../../../drivers/etcd-v2/source.ts';
import type { StoreSnapshot, WatchEvent } from '../../../../reconciler/contracts/source.ts';

const PREFIX = '/coreos.com/network';
const record = {
  key: `${PREFIX}/config`,
  value: '{"Network":"10.5.0.0/16"}',
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
};

/** `watching`: those that have begun and were not stopped. */
class Played {
  watching: ((event: WatchEvent) => void)[] = [];
  /** What each watch says before it is even handed out. */
  atOnce: WatchEvent[] = [];
  looks: AbortSignal[] = [];
  /** Looks are answered when this is called. */
  answer = (): void => {};
  readonly source: V2Source;

  constructor(kind: 'etcd-v3' | 'etcd-v2', config: boolean) {
    const snapshot: StoreSnapshot = { clusterId: 'one', revision: 7, config: config ? record : undefined, leases: [] };
    this.source = {
      kind,
      where: 'http://127.0.0.1:2379',
      snapshot: async (signal) => {
        if (this.looks.push(signal!) > 1)
          await new Promise<void>((resolve) => {
            this.answer = resolve;
          });
        return snapshot;
      },
      watch: (_, emit) => {
        this.watching.push(emit);
        for (const event of this.atOnce) emit(event);
        return () => {
          this.watching = this.watching.filter((one) => one !== emit);
        };
      },
      leases: {} as V2Source['leases'],
      serverVersion: async () => '3.4.23',
      close: async () => {},
    };
  }
}

const ended: WatchEvent = { type: 'ended', reason: 'unavailable', message: 'etcd broke the connection off' };

describe('a watch of the API in use that ends', () => {
  it('also ends the one that waits for a config in the other, however early that is', async () => {
    for (const atOnce of [[], [ended]]) {
      const [v3, v2] = [new Played('etcd-v3', false), new Played('etcd-v2', true)];
      v2.atOnce = atOnce;
      const auto = new AutoSource(v3.source, v2.source, PREFIX);
      await auto.snapshot();
      const events: string[] = [];
      const stop = auto.watch(8, ({ type }) => events.push(type));
      if (!atOnce.length) v2.watching[0]!(ended);
      assert.deepEqual(events, ['ended']);
      assert.deepEqual([v2.watching, v3.watching], [[], []]);
      stop();
    }
  });

  it('also ends the look at the other that is under way', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const [v3, v2] = [new Played('etcd-v3', false), new Played('etcd-v2', true)];
    const auto = new AutoSource(v3.source, v2.source, PREFIX);
    await auto.snapshot();
    const stop = auto.watch(8, () => {});
    v3.watching[0]!(ended);
    t.mock.timers.tick(5000);
    assert.equal(v3.looks.length, 2);
    assert.equal(v3.looks[1]?.aborted, false);
    stop();
    assert.equal(v3.looks[1]?.aborted, true);
    v3.watching = [];
    v3.answer();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(v3.watching, []);
  });
});
