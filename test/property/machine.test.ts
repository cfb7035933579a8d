/**
 * Whatever comes in whatever order: no edge is lost, one thing at a time is done to the host and to the lease, and the machine comes to rest.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scopeOf } from '../../reconciler/contracts/scope.ts';
import type { AgentEvent } from '../../states/events.ts';
import { type Asked, Rig } from '../helpers/fake-services.ts';
import { holds } from '../helpers/property.ts';

type Step =
  | { do: 'edge' }
  | { do: 'event'; type: Exclude<AgentEvent['type'], 'EDGE' | 'STOP'> }
  | { do: 'lease'; state: 'same' | 'changed' | 'gone' }
  | { do: 'config'; state: 'missing' | 'invalid' | 'good' }
  | { do: 'answer'; which: number; fails: boolean; result: number }
  | { do: 'time'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'edge' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('event' as const),
      type: fc.constantFrom(
        'STORE_CONFIG' as const,
        'STORE_HEARD' as const,
        'STORE_ENDED' as const,
        'OWN_LEASE' as const,
        'LEASE_FREED' as const,
        'HOST_CHANGED' as const,
      ),
    }),
  },
  fc.record({ do: fc.constant('lease' as const), state: fc.constantFrom('same', 'changed', 'gone') }),
  fc.record({ do: fc.constant('config' as const), state: fc.constantFrom('missing', 'invalid', 'good') }),
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      which: fc.nat(5),
      fails: fc.nat(5).map((n) => n === 0),
      result: fc.nat(2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 5000 }) }) },
) as fc.Arbitrary<Step>;

const ROUND: readonly Asked[] = ['read', 'plan', 'apply', 'verify'];

class Watched {
  readonly rig = new Rig();
  /** Id of each edge → how many rounds had begun when it came. */
  readonly edges = new Map<string, number>();
  /** Numbers of the rounds that came to their end. */
  readonly finished: number[] = [];

  async take(step: Step): Promise<void> {
    const { rig } = this;
    const { services } = rig;
    if (step.do === 'edge') {
      const id = `route ${this.edges.size}`;
      this.edges.set(id, services.rounds.length);
      rig.send({ type: 'EDGE', scope: scopeOf({ ids: [id] }) });
    } else if (step.do === 'event') rig.send({ type: step.type, reason: 'unavailable', message: '' } as AgentEvent);
    else if (step.do === 'lease') services.lease = step.state;
    else if (step.do === 'config') services.config = step.state;
    else if (step.do === 'time') await rig.time.advance(step.ms);
    else if (services.open.length) await this.answer(step.which, step.fails, step.result);
    await rig.time.settle();
    this.check();
  }

  async answer(which: number, fails: boolean, result: number): Promise<void> {
    const { rig } = this;
    const { services } = rig;
    const { name } = services.open[which % services.open.length]!;
    if (fails) return rig.fail(name);
    // Making sure of a lease makes it right, as does renewing it.
    if (name === 'acquire' || name === 'renew') services.lease = 'same';
    if (name === 'verify') this.finished.push(services.rounds.length - 1);
    const values = {
      connect: { revision: 1 },
      acquire: (['held', 'outOfSubnets', 'waiting'] as const)[result],
      renew: (['renewed', 'lost', 'renewed'] as const)[result],
      plan: { changes: result },
      read: undefined,
      apply: undefined,
      verify: undefined,
    };
    services.take(name).resolve(values[name]);
    await rig.time.settle();
  }

  check(): void {
    const { rig } = this;
    const open = rig.services.open.map(({ name }) => name);
    assert.equal(rig.error, undefined);
    assert.ok(open.filter((name) => ROUND.includes(name)).length <= 1, `one round at a time: ${open.join()}`);
    assert.ok(open.filter((name) => name === 'acquire' || name === 'renew').length <= 1, `one write: ${open.join()}`);
    assert.ok(open.filter((name) => name === 'connect').length <= 1);
    // Who is waited for is what the state says.
    const { work } = rig.state;
    const asked = { reading: 'read', planning: 'plan', applying: 'apply', verifying: 'verify' }[work as string];
    assert.equal(
      open.find((name) => ROUND.includes(name)),
      asked,
      `state ${String(work)}`,
    );
  }

  /** All goes well from now on. */
  async rest(): Promise<void> {
    const { rig } = this;
    rig.services.config = 'good';
    await this.take({ do: 'event', type: 'STORE_CONFIG' });
    for (let i = 0; i < 200; i++) {
      if (rig.services.open.length) await this.answer(0, false, 0);
      else if (rig.state.work === 'backingOff' || rig.state.store === 'stale') await rig.time.advance(60_000);
      else return;
      this.check();
    }
    assert.fail(`it does not come to rest: ${JSON.stringify(rig.state)}`);
  }
}

test('every edge is in a round that began after it and came to its end', async (t) => {
  await holds(t, fc.array(step, { maxLength: 60 }), async (steps) => {
    const watched = new Watched();
    const { rig } = watched;
    rig.services.renewDelay = 0;
    rig.services.renewDelayMs = () => (rig.services.rounds.length % 2 ? 0 : undefined);
    rig.start();
    for (const one of steps) await watched.take(one);
    await watched.rest();
    rig.stop();

    assert.equal(rig.state.work, 'idle');
    assert.equal(rig.state.lease, 'held');
    for (const [id, begun] of watched.edges) {
      const seen = watched.finished.some((round) => {
        const scope = rig.services.rounds[round]!;
        return round >= begun && (scope.all || scope.ids.has(id));
      });
      assert.ok(seen, `${id} came when ${begun} rounds had begun, and no later one looked there`);
    }
  });
});

test('it stops from anywhere, and no round is begun after that', async (t) => {
  await holds(t, fc.array(step, { maxLength: 40 }), async (steps) => {
    const watched = new Watched();
    const { rig } = watched;
    rig.start();
    for (const one of steps) await watched.take(one);
    const { length } = rig.services.rounds;
    rig.send({ type: 'STOP' });
    for (let i = 0; i < 10 && rig.state.work !== 'stopping'; i++) await watched.answer(0, false, 0);
    assert.equal(rig.state.work, 'stopping');
    assert.equal(rig.services.rounds.length, length);
    rig.stop();
  });
});
