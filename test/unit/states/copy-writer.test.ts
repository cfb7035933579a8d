import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { StateCache, StateCopy } from '../../../reconciler/contracts/state-copy.ts';
import { Mirror } from '../../../reconciler/store/mirror.ts';
import { CopyWriter } from '../../../states/copy-writer.ts';
import type { AgentDeps } from '../../../states/deps.ts';
import { KeptCopy } from '../../../states/kept-copy.ts';
import { SimulatedTime } from '../../helpers/simulated-time.ts';

const PREFIX = '/coreos.com/network';
const config = {
  key: `${PREFIX}/config`,
  value: '{"Network":"10.5.0.0/16"}',
  modRevision: 1,
  createRevision: 1,
  leaseId: '0',
};

/** A disk that takes as long as the test wants. */
class SlowCache implements StateCache {
  readonly path = '/var/lib/selvage/desired.json';
  readonly began: number[] = [];
  readonly written: number[] = [];
  readonly #waiting: (() => void)[] = [];

  head = async () => undefined;
  load = async () => undefined;
  remove = async () => {};

  async save({ head }: StateCopy): Promise<void> {
    this.began.push(head.revision);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.written.push(head.revision);
  }

  async finishOne(): Promise<void> {
    await turn();
    this.#waiting.shift()?.();
    await turn();
  }
}

it('who flushes while a write is under way waits for it, and a later one is never overtaken', async () => {
  const cache = new SlowCache();
  const deps = {
    clock: { now: () => 0, steady: () => 0, sleep: () => new Promise<void>(() => {}) },
    source: { kind: 'etcd-v3' },
  } as unknown as AgentDeps;
  const mirror = new Mirror(PREFIX);
  const writer = new CopyWriter(deps, new KeptCopy(cache, PREFIX), { mirror, past: () => ({}) }, true);
  const hear = (revision: number): void => {
    writer.changed(mirror.applySnapshot({ clusterId: '1', revision, config, leases: [] }, 0));
    writer.pastChanged();
  };

  hear(5);
  let ended = 0;
  const byTimer = writer.flush().then(() => ended++);
  await turn();
  const atTheEnd = writer.flush().then(() => ended++);
  hear(6);
  const later = writer.flush().then(() => ended++);
  await turn();
  assert.deepEqual([ended, cache.began, cache.written], [0, [5], []]);
  await cache.finishOne();
  assert.deepEqual([cache.began, cache.written], [[5, 6], [5]]);
  await cache.finishOne();
  await Promise.all([byTimer, atTheEnd, later]);
  assert.deepEqual(cache.written, [5, 6]);
});

for (const [took, apart] of [
  [0, 1000],
  [20, 4000],
  [5000, 30_000],
] as const)
  it(`a write that takes ${took} ms is followed by another ${apart} ms after it began`, async () => {
    const cache = new SlowCache();
    const time = new SimulatedTime();
    const deps = {
      clock: { now: time.now, steady: time.steady, sleep: time.sleep },
      source: { kind: 'etcd-v3' },
    } as unknown as AgentDeps;
    cache.save = async () => {
      cache.began.push(time.now());
      await time.sleep(took);
    };
    const mirror = new Mirror(PREFIX);
    const writer = new CopyWriter(deps, new KeptCopy(cache, PREFIX), { mirror, past: () => ({}) }, true);
    const hear = (revision: number): void =>
      writer.changed(
        mirror.applySnapshot(
          { clusterId: '1', revision, config: { ...config, value: `{"Network":"10.${revision}.0.0/16"}` }, leases: [] },
          0,
        ),
      );
    hear(5);
    await time.advance(6000 + took);
    for (const revision of [6, 7]) {
      hear(revision);
      await time.advance(1001 + took);
    }
    await time.advance(60_000);
    assert.ok(cache.began.length >= 2);
    const gaps = cache.began.slice(1).map((at, n) => at - cache.began[n]!);
    assert.ok(Math.min(...gaps) >= apart, `${gaps}`);
    assert.ok(gaps.at(-1)! <= Math.max(apart, 2 * (1001 + took)) + 1000, `${gaps}`);
  });
