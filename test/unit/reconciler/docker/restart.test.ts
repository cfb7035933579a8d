import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { windowOf } from '../../../../drivers/schedule/window.ts';
import type { Engine, Restarted } from '../../../../reconciler/docker/contract.ts';
import {
  mayRestart,
  namesOf,
  noteOf,
  type RestartInput,
  type RestartVerdict,
} from '../../../../reconciler/docker/restart.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-11-21T12:00:00Z');
const CAUSE = '10.5.34.1/24 mtu 1450 ip-masq true';

const engine = (...names: string[]): Engine => ({
  version: '20.10.24',
  liveRestore: false,
  network: undefined,
  containers: names.map((name) => ({ name, address: '' })),
});

function verdict(parts: Partial<RestartInput> & { policy?: 'never' | 'idle' | 'always' }): RestartVerdict {
  const { policy = 'always', ...rest } = parts;
  return mayRestart({
    restart: { policy, command: 'systemctl restart docker', holdoffMs: 5 * MINUTE },
    engine: engine(),
    cause: CAUSE,
    restarted: undefined,
    window: undefined,
    now: NOW,
    ...rest,
  });
}
const why = (found: RestartVerdict): string => (found.may ? '' : found.why);

describe('policy', () => {
  test('never, and it says what to do', () =>
    assert.match(why(verdict({ policy: 'never' })), /left to you.*systemctl restart docker/));
  test('always, whatever runs', () => assert.deepEqual(verdict({ engine: engine('web') }), { may: true }));
  test('idle waits for the last container, or for nothing with live-restore', () => {
    assert.deepEqual(verdict({ policy: 'idle' }), { may: true });
    const busy = verdict({ policy: 'idle', engine: engine('web', 'db') });
    assert.match(why(busy), /until no container runs .*running: db, web/);
    assert.equal(busy.may === false && busy.at, undefined);
    assert.deepEqual(verdict({ policy: 'idle', engine: { ...engine('web'), liveRestore: true } }), { may: true });
  });
  test('names, not all of them', () =>
    assert.equal(namesOf([...'gfedcba'].map((name) => ({ name }))), 'a, b, c, d, e and 2 more'));
});

describe('hold-off', () => {
  const restarted: Restarted = { cause: CAUSE, at: NOW, times: 1 };
  test('not twice for one cause within it, and it says until when', () => {
    for (const now of [NOW, NOW + 5 * MINUTE - 1]) {
      const found = verdict({ restarted, now });
      assert.deepEqual(found.may === false && found.at, NOW + 5 * MINUTE);
      assert.match(why(found), /held off until 2026-11-21T12:05:00Z.*at 2026-11-21T12:00:00Z/);
    }
    assert.deepEqual(verdict({ restarted, now: NOW + 5 * MINUTE }), { may: true });
  });
  test('another subnet is another cause', () =>
    assert.deepEqual(verdict({ restarted: { ...restarted, cause: 'x' } }), { may: true }));
  test('one that does not help is tried ever more rarely, at most twelve times the hold-off', () => {
    const until = (times: number): number | undefined => {
      const found = verdict({ restarted: { ...restarted, times } });
      return found.may ? undefined : (found.at! - NOW) / (5 * MINUTE);
    };
    assert.deepEqual([1, 2, 3, 4, 5, 50].map(until), [1, 2, 4, 8, 12, 12]);
    assert.deepEqual(noteOf(CAUSE, restarted, NOW + 1), { cause: CAUSE, at: NOW + 1, times: 2 });
    assert.deepEqual(noteOf('x', restarted, NOW + 1), { cause: 'x', at: NOW + 1, times: 1 });
    assert.deepEqual(noteOf('x', undefined, NOW), { cause: 'x', at: NOW, times: 1 });
  });
});

describe('maintenance window', () => {
  // Whatever the machine's time zone is.
  const local = (hour: number, minute = 0, second = 0): number =>
    new Date(2026, 10, 21, hour, minute, second).getTime();
  const window = windowOf('0 3 * * *', 90 * MINUTE);

  test('open from its beginning for its duration', () => {
    for (const now of [local(3), local(3, 0, 1), local(4, 29, 59)])
      assert.equal(window(now).open, true, new Date(now).toString());
    for (const now of [local(2, 59, 59), local(4, 30), local(12)])
      assert.equal(window(now).open, false, new Date(now).toString());
    assert.equal(window(local(2)).opensAt, local(3));
    assert.equal(window(local(4, 30)).opensAt, local(27));
  });

  test('Docker is restarted in it, and the wait ends when it opens', () => {
    assert.deepEqual(verdict({ window, now: local(3, 10) }), { may: true });
    const found = verdict({ window, now: local(12) });
    assert.equal(found.may === false && found.at, local(27));
    assert.match(why(found), /waits for its window, at 2026-11-2/);
  });

  test('both the window and the hold-off have to allow it', () => {
    const restarted = { cause: CAUSE, at: local(3, 1), times: 1 };
    const inside = verdict({ window, restarted, now: local(3, 2) });
    assert.equal(inside.may === false && inside.at, local(3, 6));
    // The hold-off ends in the window, which opens before.
    const late = verdict({ window, restarted: { ...restarted, at: local(2, 58) }, now: local(2, 59) });
    assert.equal(late.may === false && late.at, local(3, 3));
    const early = verdict({ window, restarted: { ...restarted, at: local(2) }, now: local(2, 1) });
    assert.equal(early.may === false && early.at, local(3));
  });
});
