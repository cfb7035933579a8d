/** Each check fails for its own reason, and passes on a host on which all is well; none is left out of this table. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Facts } from '../../../../reconciler/doctor/facts.ts';
import { CHECKS, type Examined, examine } from '../../../../reconciler/doctor/index.ts';
import { CHECK_CASES } from '../../../helpers/check-cases.ts';
import { factsOf } from '../../../helpers/facts.ts';

const ofCheck = (facts: Partial<Facts>, id: string): Examined | undefined =>
  examine(factsOf(facts)).find((one) => one.id === id);

describe('the checks', () => {
  it('each has its cases', () => {
    assert.deepEqual(Object.keys(CHECK_CASES).sort(), CHECKS.map(({ id }) => id).sort());
  });

  for (const [id, cases] of Object.entries(CHECK_CASES)) {
    it(`${id} fails for its own reason, and passes otherwise`, () => {
      for (const { facts, level, says, passes = {} } of cases) {
        const failed = ofCheck(facts, id);
        assert.equal(failed?.level, level, JSON.stringify(failed));
        assert.match(failed.findings.map((one) => one.says).join('\n'), says);
        for (const { cure } of failed.findings) assert.notEqual(cure, undefined);
        assert.deepEqual(ofCheck(passes, id)?.findings, [], `${id} passes`);
      }
    });
  }

  it('on a host on which all is well none but those that concern it say anything', () => {
    const levels = new Set(examine(factsOf()).map(({ level }) => level));
    assert.deepEqual([...levels], ['ok']);
  });

  it('without config and leases those that need them say that they could not tell', () => {
    const examined = examine(
      factsOf({ look: undefined, failure: { what: 'store', sentence: 'etcd refused.' }, probed: undefined }),
    );
    assert.deepEqual(
      examined.filter(({ level }) => level === 'wrong').map(({ id }) => id),
      ['store-heard'],
    );
    assert.ok(examined.filter(({ level }) => level === 'unknown').length > 5);
  });
});
