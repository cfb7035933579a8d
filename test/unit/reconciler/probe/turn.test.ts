import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answers, type ProbeTarget, Turn, unreachableEntry } from '../../../../reconciler/probe/turn.ts';

const target = (block: number, publicIP = `192.0.2.${block}`): ProbeTarget => ({
  subnet: `10.5.${block}.0/24`,
  publicIP,
  address: `10.5.${block}.0`,
});
const TARGETS = [target(2), target(3), target(4)];
const answered = { result: 'answered', ms: 1 } as const;
const silent = { result: 'silent' } as const;
const WELL: Answers = { icmp: answered, tcp: answered };
const GONE: Answers = { icmp: silent, tcp: silent };
const NO_TCP: Answers = { icmp: answered, tcp: silent };

/** Asks so many times; `answers` by subnet, else all is well. @returns whom, and whether that was news */
function ask(
  turn: Turn,
  times: number,
  answers: Record<string, Answers> = {},
  targets: readonly ProbeTarget[] = TARGETS,
): [string, boolean][] {
  return Array.from({ length: times }, (_, i) => {
    const next = turn.next(targets)!;
    return [next.subnet.split('.')[2]!, turn.note(next, answers[next.subnet] ?? WELL, i)];
  });
}
const unreachable = (turn: Turn) =>
  turn.unreachable((subnet) => TARGETS.find((one) => one.subnet === subnet)?.publicIP);

describe('whose turn it is', () => {
  it('each in turn, and again from the first', () => {
    assert.deepEqual(
      ask(new Turn(), 5).map(([subnet]) => subnet),
      ['2', '3', '4', '2', '3'],
    );
  });

  it('one that comes or goes changes nothing for the others', () => {
    const turn = new Turn();
    ask(turn, 2);
    assert.equal(turn.next([target(2), target(3), target(9)])?.subnet, '10.5.9.0/24');
    assert.equal(turn.next([target(2)])?.subnet, '10.5.2.0/24');
    assert.equal(turn.next([]), undefined);
  });

  it('one that does not answer is asked once more, and is unreachable only then', () => {
    const turn = new Turn();
    const asked = ask(turn, 5, { '10.5.3.0/24': GONE });
    assert.deepEqual(asked, [
      ['2', false],
      ['3', false],
      ['3', true],
      ['4', false],
      ['2', false],
    ]);
    assert.deepEqual(unreachable(turn), [{ subnet: '10.5.3.0/24', publicIP: '192.0.2.3', lacks: 'none', since: 2 }]);
  });

  it('a single loss says nothing', () => {
    const turn = new Turn();
    turn.note(turn.next(TARGETS)!, GONE, 0);
    assert.deepEqual(ask(turn, 2), [
      ['2', false],
      ['3', false],
    ]);
    assert.deepEqual(unreachable(turn), []);
  });

  it('that it stays so is no news, that it answers again is', () => {
    const turn = new Turn();
    ask(turn, 2, { '10.5.2.0/24': GONE });
    assert.deepEqual(ask(turn, 3, { '10.5.2.0/24': GONE }), [
      ['3', false],
      ['4', false],
      ['2', false],
    ]);
    assert.deepEqual(ask(turn, 3), [
      ['3', false],
      ['4', false],
      ['2', true],
    ]);
    assert.deepEqual(unreachable(turn), []);
  });

  it('TCP alone may be lost, which is another thing', () => {
    const turn = new Turn();
    ask(turn, 2, { '10.5.2.0/24': NO_TCP });
    assert.deepEqual(
      unreachable(turn).map(({ lacks }) => lacks),
      ['tcp'],
    );
    ask(turn, 4, { '10.5.2.0/24': GONE });
    assert.deepEqual(
      unreachable(turn).map((one) => unreachableEntry(one).why),
      ['no answer'],
    );
  });

  it('what is known goes with the lease, and with its address', () => {
    for (const address of [undefined, '192.0.2.77']) {
      const turn = new Turn();
      ask(turn, 2, { '10.5.2.0/24': GONE });
      assert.deepEqual(
        turn.unreachable(() => address),
        [],
      );
      assert.deepEqual(unreachable(turn), []);
    }
  });
});
