import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { cronProblem } from '../../../../drivers/schedule/cron-expression.ts';
import { startLevelPass } from '../../../../drivers/schedule/level-pass.ts';

const MINUTE = 60_000;

/** Starts at the beginning of a minute. */
function clock(t: TestContext): (ms: number) => void {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.UTC(2026, 0, 1) });
  // In steps: one tick of the mock runs what is due by its end as if all were then.
  return (ms) => {
    for (let left = ms; left > 0; left -= 250) t.mock.timers.tick(Math.min(left, 250));
  };
}

describe('the level pass', () => {
  it('comes on schedule, up to ten seconds late', (t) => {
    const tick = clock(t);
    const at: number[] = [];
    const randoms = [0, 0.5, 0.999];
    const stop = startLevelPass(
      '* * * * *',
      () => randoms[at.length % 3]!,
      () => at.push(Date.now()),
    );
    tick(3 * MINUTE + 30_000);
    stop();
    const late = at.map((time) => (time - Date.UTC(2026, 0, 1)) % MINUTE);
    assert.equal(at.length, 3);
    assert.ok(late[0]! < 1000 && Math.abs(late[1]! - 5000) < 1000 && Math.abs(late[2]! - 9990) < 1000, late.join());
  });

  it('of a schedule of seconds is put off by none of its ticks', (t) => {
    const tick = clock(t);
    let passes = 0;
    const stop = startLevelPass(
      '* * * * * *',
      () => 0.9,
      () => passes++,
    );
    tick(MINUTE);
    stop();
    assert.ok(passes >= 5 && passes <= 7, `${passes} passes`);
  });

  it('is over when it is stopped, also if one was about to come', (t) => {
    const tick = clock(t);
    let passes = 0;
    const stop = startLevelPass(
      '* * * * *',
      () => 0.9,
      () => passes++,
    );
    tick(MINUTE + 3000);
    stop();
    tick(10 * MINUTE);
    assert.equal(passes, 0);
  });
});

describe('a cron expression', () => {
  for (const good of ['* * * * *', '*/5 * * * *', '0 */10 * * * *', '17 3 * * 1-5'])
    it(`${good} can be used`, () => assert.equal(cronProblem(good), undefined));
  for (const bad of ['', 'often', '* * *', '61 * * * *', '* * * * * * *'])
    it(`"${bad}" can not, and it is said why`, () => assert.match(cronProblem(bad) ?? '', /\w/));
});
