import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DURATION_BUCKETS, type Waker } from '../../../reconciler/contracts/status.ts';
import { buildReport } from '../../../reconciler/report/build-report.ts';
import { Mirror } from '../../../reconciler/store/mirror.ts';
import { History } from '../../../states/history.ts';
import { inputOf, linkUpdate, peerChanges } from '../../helpers/report.ts';

const mirror = new Mirror('/coreos.com/network');

function round(history: History, parts: Parameters<typeof inputOf>[0] = {}, said = '', ...wokenBy: Waker[]): void {
  for (const by of wokenBy) history.woken(by);
  history.begin(parts?.at ?? 0, 1);
  history.end(buildReport(inputOf({ mode: 'run', ...parts })), 'everything', said, undefined, mirror);
}

describe('what is remembered of rounds', () => {
  it('is what woke each, what was found and done, and how long it took; the newest first', () => {
    const history = new History();
    round(history, { at: 1000 });
    const changes = [linkUpdate, ...peerChanges('create', 3)];
    const outcomes = [{ change: linkUpdate, result: 'done' as const }];
    round(history, { at: 2000, changes, outcomes, durationMs: 7 }, 'put right', 'host', 'store', 'host');
    const [second, first] = history.rounds;
    assert.deepEqual([first?.woken, first?.result, first?.found], [['start'], 'nothing', 0]);
    assert.deepEqual(second, {
      at: '1970-01-01T00:00:02.000Z',
      durationMs: 7,
      woken: ['host', 'store'],
      scope: 'everything',
      result: 'repaired',
      did: 'put right',
      found: 3,
      repaired: 1,
    });
    assert.deepEqual(
      [...history.found],
      [
        ['link update', 1],
        ['neighbour create', 1],
        ['route create', 1],
      ],
    );
    assert.deepEqual([...history.repaired], [['link update', 1]]);
  });

  it('is no more than a hundred, and a sentence of each', () => {
    const history = new History();
    for (let at = 0; at < 250; at++) round(history, { at }, 'x'.repeat(5000), 'host');
    assert.equal(history.rounds.length, 100);
    assert.equal(history.rounds[0]?.at, '1970-01-01T00:00:00.249Z');
    assert.ok((history.rounds[0]?.did.length ?? 0) <= 600);
    assert.equal(history.results.nothing, 250);
    assert.deepEqual(
      [...history.wakers],
      [
        ['start', 1],
        ['host', 250],
      ],
    );
  });

  it('has those that broke off, and what could not be made', () => {
    const history = new History();
    history.begin(1000, 1);
    history.fail('The kernel can not be asked.', 1500);
    const changes = peerChanges('create', 3);
    const failure = { kind: 'denied', code: 'EPERM', message: 'Not permitted.' } as const;
    round(history, { changes, outcomes: changes.map((change) => ({ change, result: 'failed', failure })) }, 'x');
    const [second, first] = history.rounds;
    assert.deepEqual([first?.result, first?.did, first?.durationMs], ['failed', 'The kernel can not be asked.', 500]);
    assert.deepEqual([second?.result, second?.found, second?.repaired], ['unrepaired', 2, 0]);
  });

  it('counts durations in buckets', () => {
    const history = new History();
    for (const durationMs of [0, 1, 2, 12, 99_000]) round(history, { durationMs });
    assert.equal(history.durations.length, DURATION_BUCKETS.length + 1);
    assert.deepEqual(
      [history.durations[0], history.durations[1], history.durations[4], history.durations.at(-1)],
      [2, 1, 1, 1],
    );
    assert.equal(history.durationSeconds.toFixed(3), '99.015');
  });
});

describe('since when a region is in its state', () => {
  it('is when it came to it, and not when it was told so again', () => {
    const history = new History();
    let changes = 0;
    history.subscribe(() => changes++);
    history.state('store', 'watching', 10);
    history.state('store', 'watching', 20);
    assert.deepEqual([history.since('store'), history.since('lease'), changes], [10, undefined, 1]);
    history.state('store', 'stale', 30);
    history.state('store', 'connecting', 31);
    history.state('store', 'stale', 40);
    assert.equal(history.storeLosses, 2);
  });
});
