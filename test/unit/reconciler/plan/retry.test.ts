import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Outcome } from '../../../../reconciler/contracts/driver.ts';
import type { Failure, FailureKind } from '../../../../reconciler/contracts/failure.ts';
import { idOf, type Neighbour, type Route } from '../../../../reconciler/kinds/index.ts';
import { FIRST_HOLD, FREE_REPAIRS, LONGEST_HOLD, MAX_REMEMBERED, WINDOW } from '../../../../reconciler/plan/contest.ts';
import { FIRST_WAIT, FORGOTTEN_AFTER, LONGEST_WAIT, Retry } from '../../../../reconciler/plan/retry.ts';
import { deviceOf, overlayWith } from '../../../helpers/planning.ts';
import { peerWants } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const [neighbour, , , route] = peerWants(overlay, overlay.peers[0]!) as [Neighbour, never, never, Route];
const change: Change = { op: 'create', id: idOf(route), reason: 'missing', want: route };
const altered: Change = { ...change, want: { ...route, gateway: '10.5.9.0' } };
const MOST = () => 0.999999;
const LEAST = () => 0;

const failure = (kind: FailureKind): Failure => ({ kind, code: 'EAGAIN', message: 'The kernel was busy.' });
const failed = (kind: FailureKind, of: Change = change): Outcome => ({
  change: of,
  result: 'failed',
  failure: failure(kind),
});
const done = (of: Change = change): Outcome => ({ change: of, result: 'done' });

test('a passing failure waits 200 ms, doubled to 60 s, spread over half of it', () => {
  const retry = new Retry();
  const waits: number[] = [];
  let now = 1000;
  for (let i = 0; i < 12; i++) {
    retry.record([failed('transient')], now, MOST);
    const until: number = retry.holds(change, now)!.until;
    waits.push(until - now);
    assert.equal(retry.holds(change, until), undefined, 'over when it is over');
    now = until;
  }
  assert.deepEqual(waits.slice(0, 4), [200, 400, 800, 1600]);
  assert.equal(waits.at(-1), LONGEST_WAIT);
  const hasty = new Retry();
  hasty.record([failed('transient')], 0, LEAST);
  assert.equal(hasty.nextDue(), FIRST_WAIT / 2);
});

test('it is forgotten when want or have changes, and when it has been done', () => {
  const retry = new Retry();
  retry.record([failed('transient')], 0, MOST);
  assert.ok(retry.holds(change, 1));
  assert.equal(retry.holds(altered, 1), undefined, 'want');
  assert.equal(retry.size, 0);

  const update: Change = { ...change, op: 'update', have: { ...route, protocol: 3 }, fields: [], recreate: false };
  retry.record([failed('transient', update)], 0, MOST);
  assert.equal(retry.holds({ ...update, have: { ...route, protocol: 4 } }, 1), undefined, 'have');

  retry.record([failed('transient')], 0, MOST);
  retry.record([{ change, result: 'noop' }], 10, MOST);
  assert.equal(retry.holds(change, 11), undefined, 'done');
  assert.equal(retry.nextDue(), undefined);
});

test('what time can’t mend waits for a change, a conflict for a minute, and what vanished for nothing', () => {
  for (const kind of ['invalid', 'denied'] as const) {
    const retry = new Retry();
    retry.record([failed(kind)], 0, MOST);
    assert.equal(retry.holds(change, 1e12)?.until, Infinity);
    assert.equal(retry.nextDue(), undefined);
    assert.match(retry.holds(change, 1)!.detail, /^The kernel was busy; it is not tried again before/);
  }
  const retry = new Retry();
  retry.record([failed('conflict')], 0, MOST);
  assert.equal(retry.nextDue(), LONGEST_WAIT);
  const other = new Retry();
  other.record([failed('vanished'), { change, result: 'blocked' }], 0, MOST);
  assert.equal(other.size, 0);
  assert.equal(other.view(0).empty, true);
});

test('a hold says what happened, how often and when it is tried again', () => {
  const retry = new Retry();
  retry.record([failed('transient')], 0, MOST);
  assert.deepEqual(retry.holds(change, 0), {
    why: 'backing off',
    detail: 'The kernel was busy; tried once, again in 0.2 s.',
    until: 200,
  });
  retry.record([failed('transient')], 200, MOST);
  assert.equal(retry.view(200).holds(change)?.detail, 'The kernel was busy; tried 2 times, again in 0.4 s.');
});

test('what is due is told once, and then is nobody’s alarm any more', () => {
  const retry = new Retry();
  retry.record([failed('transient')], 0, MOST);
  assert.deepEqual(retry.takeDue(199), []);
  assert.equal(retry.nextDue(), 200);
  assert.deepEqual(retry.takeDue(200), [change.id]);
  assert.deepEqual(retry.takeDue(200), []);
  assert.equal(retry.nextDue(), undefined, 'no busy loop if the round finds nothing to do');
  retry.record([failed('transient')], 200, MOST);
  assert.equal(retry.nextDue(), 600, 'but it goes on doubling if it fails again');
});

test('what nobody asks about any more is forgotten', () => {
  const retry = new Retry();
  retry.record([failed('invalid')], 0, MOST);
  retry.record([], FORGOTTEN_AFTER, MOST);
  assert.equal(retry.size, 1);
  retry.record([], 2 * FORGOTTEN_AFTER, MOST);
  assert.equal(retry.size, 0);
});

test('a person who deletes a route again and again sees it mended at once', () => {
  const retry = new Retry();
  for (let i = 0; i < FREE_REPAIRS; i++) {
    assert.equal(retry.holds(change, i * 100), undefined);
    retry.record([done()], i * 100, MOST);
  }
  assert.equal(retry.holds(change, 500), undefined);
});

/** Writes at these times, one after the other; when the first hold began, if one did. */
function contest(retry: Retry, times: number[], of: (i: number) => Change = () => change): number | undefined {
  for (const [i, now] of times.entries()) {
    if (retry.holds(of(i), now)) return now;
    retry.record([done(of(i))], now, MOST);
  }
  return undefined;
}
const every = (ms: number, count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i * ms);

test('a program that rewrites it for ever is not fought at event speed, and less each time', () => {
  const retry = new Retry();
  const began = contest(retry, every(1, 100));
  assert.equal(began, FREE_REPAIRS + 1, 'the first write and five repairs');
  const hold = retry.holds(change, began)!;
  assert.equal(hold.why, 'contested');
  assert.match(hold.detail, /undoes what selvage does to route 254\|10\.5\.2\.0\/24\|0\|0, 5 times in 10 s/);
  assert.equal(retry.view(began).empty, false);

  const lengths = [hold.until - FREE_REPAIRS];
  for (let i = 0; i < 8; i++) {
    const due = retry.nextDue()!;
    assert.deepEqual(retry.takeDue(due), [change.id]);
    assert.equal(contest(retry, [due, due + 1, due + 2]), due + 2, 'one repair, and one to see that it did not stay');
    lengths.push(retry.nextDue()! - due - 1);
  }
  assert.deepEqual(lengths.slice(0, 3), [FIRST_HOLD, 2 * FIRST_HOLD, 4 * FIRST_HOLD]);
  assert.equal(lengths.at(-1), LONGEST_HOLD);
});

test('once the other has stopped, it counts from the start again', () => {
  const retry = new Retry();
  contest(retry, every(1, 7));
  const due = retry.nextDue()!;
  retry.takeDue(due);
  retry.record([done()], due, MOST);
  assert.equal(contest(retry, every(1, 6, due + 10 * WINDOW)), undefined);
});

test('neither slow rewriting nor a lease that changes often is a contest', () => {
  assert.equal(contest(new Retry(), every(WINDOW / 3, 100)), undefined);
  assert.equal(
    contest(new Retry(), every(1, 100), (i) => ({ ...change, want: { ...route, metric: i } })),
    undefined,
  );
});

test('a want that changes ends the hold', () => {
  const retry = new Retry();
  contest(retry, every(1, 7));
  assert.ok(retry.holds(change, 10));
  assert.equal(retry.holds(altered, 10), undefined);
});

test('what comes back with its link says nothing about who took it away', () => {
  const retry = new Retry();
  const link = deviceOf(overlay);
  const child: Change = { op: 'create', id: idOf(neighbour), reason: 'missing', want: neighbour };
  for (let i = 0; i < 3 * FREE_REPAIRS; i++) {
    const up: Change = { op: 'create', id: idOf(link), reason: 'missing', want: { ...link, mtu: i } };
    retry.record([done(up), done(child)], i, MOST);
  }
  assert.equal(retry.holds(child, 100), undefined);
});

test('memory is bounded', () => {
  const retry = new Retry();
  const many = Array.from({ length: MAX_REMEMBERED + 10 }, (_, i) =>
    done({ ...change, id: `route ${i}`, want: { ...route, metric: i } }),
  );
  retry.record(many, 0, MOST);
  assert.equal(retry.remembered, MAX_REMEMBERED);
  retry.record([], LONGEST_WAIT + WINDOW, MOST);
  assert.equal(retry.remembered, 0);
});

test('an edge ends the wait of its id, whatever it failed of, and the next failure waits longer all the same', () => {
  for (const kind of ['transient', 'conflict', 'denied', 'invalid'] as const) {
    const retry = new Retry();
    retry.record([failed(kind)], 0, MOST);
    retry.endWaits(['route other'], 10);
    assert.ok(retry.holds(change, 10), kind);
    retry.endWaits([change.id, 'route other'], 10);
    assert.equal(retry.holds(change, 10), undefined, kind);
    retry.record([failed(kind)], 10, MOST);
    assert.ok(retry.holds(change, 11), kind);
  }
  const retry = new Retry();
  retry.record([failed('transient')], 0, MOST);
  retry.endWaits([change.id], 10);
  retry.record([failed('transient')], 10, MOST);
  assert.equal(retry.holds(change, 11)!.until, 10 + 2 * FIRST_WAIT);
});

test('a delete that waited for what failed is looked at with it, once', () => {
  const retry = new Retry();
  const have = { ...neighbour, ip: '10.5.99.0' };
  const waited: Change = { op: 'delete', id: idOf(have), reason: 'not wanted', have };
  retry.record([failed('transient'), { change: waited, result: 'blocked' }], 0, MOST);
  const due = retry.nextDue()!;
  assert.deepEqual(retry.takeDue(due), [change.id, waited.id]);
  retry.record([failed('transient')], due, MOST);
  assert.deepEqual(retry.takeDue(retry.nextDue()!), [change.id]);
});
