import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DueTimes } from '../../../states/due-times.ts';

const SECOND = 1000;
const NEVER = Number.POSITIVE_INFINITY;

describe('times that fall due', () => {
  it('are waited for, the nearest first; without any nothing is', () => {
    const times = new DueTimes();
    assert.equal(times.delayMs([5000, undefined, 3000, NEVER], 1000), 2000);
    assert.equal(times.delayMs([undefined, NEVER], 1000), undefined);
    assert.equal(times.delayMs([], 1000), undefined);
  });

  it('that are past are looked at in a moment', () => {
    assert.equal(new DueTimes().delayMs([900], 1000), 10);
  });

  it('that stay as they were when they were looked at wait longer each time, up to a minute', () => {
    const times = new DueTimes();
    const waits: number[] = [];
    let now = 1000;
    for (let look = 0; look < 9; look++) {
      times.looked([900], now);
      const delay = times.delayMs([900], now)!;
      waits.push(delay / SECOND);
      now += delay;
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('that were looked at keep no other waiting, nor the one that has come in their place', () => {
    const times = new DueTimes();
    times.looked([900, 1500], 1000);
    assert.equal(times.delayMs([900, 1500], 1000), 500);
    times.looked([900], 1000);
    assert.equal(times.delayMs([950], 1000), 10);
    times.looked([950], 1000);
    assert.equal(times.delayMs([900], 1000), 10, 'forgotten as soon as it was away');
  });
});
