/** Every check has its two cases in the lab: with something broken on purpose it says so, and without it nothing. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { CHECKS } from '../../../../reconciler/doctor/index.ts';

const LAB = new URL('../../../lab/', import.meta.url);
/** Checks that nothing in a namespace can make fail, each with why; they have unit tests only (checks.test.ts). */
const NOT_IN_A_LAB: Readonly<Record<string, string>> = {};

const lab = readdirSync(LAB, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => readFileSync(new URL(path, LAB), 'utf8'))
  .filter((text) => text.includes('helpers/doctor.ts'))
  .join('\n');

/** Each a pair of patterns of which both must be there: what breaks, and what says that it is well. A Breakage is both (helpers/doctor.ts). */
const isCase = (id: string): boolean => {
  const broken = new RegExp(`\\bid: '${id}'|\\bnft\\(\\s*'${id}'`).test(lab);
  const said = new RegExp(`assertSays\\([^;]*?, '${id}',`).test(lab);
  const well = new RegExp(`assertWell\\([^;]*?, '${id}'\\)`).test(lab);
  return broken || (said && well);
};

describe("a check's cases", () => {
  for (const { id } of CHECKS)
    it(id, () => {
      assert.ok(
        isCase(id) || NOT_IN_A_LAB[id],
        `${id} has no lab case: a Breakage in test/lab/doctor, or assertSays and assertWell; or a reason here`,
      );
      assert.ok(!(isCase(id) && NOT_IN_A_LAB[id]), `${id} has a lab case: take its reason away`);
    });

  it('a reason is about a check that there is', () => {
    const ids = new Set(CHECKS.map(({ id }) => id));
    assert.deepEqual(
      Object.keys(NOT_IN_A_LAB).filter((id) => !ids.has(id)),
      [],
    );
  });
});
