/** docs/troubleshooting.md has a paragraph for each check, and an answer for each known cause. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { knownCauses } from '../../../../docs/pages/known-causes.ts';
import { CHECKS } from '../../../../reconciler/doctor/index.ts';
import { troubleshootingPage } from '../../../../reconciler/doctor/page.ts';
import { UNSEEN } from '../../../../reconciler/doctor/unseen.ts';

const known = knownCauses();
const page = troubleshootingPage(known);

it('both lists of known causes are read whole', () => {
  const numbers = (list: string): string[] =>
    known.flatMap(({ row }) => (row.startsWith(list) ? row.slice(list.length + 1) : []));
  const upTo = (most: number): string[] => Array.from({ length: most }, (_, i) => String(i + 1));
  assert.deepEqual(
    numbers('doctor'),
    upTo(31).flatMap((number) => (number === '5' ? ['5', '5b'] : number)),
  );
  assert.deepEqual(numbers('pain'), upTo(32));
});

it('a cause without a check and without a reason is an error that names it', () => {
  assert.throws(() => troubleshootingPage([{ row: 'doctor 99', what: 'new' }]), /"doctor 99"/);
});

it('no check and no reason is about a cause that is in neither list', () => {
  const rows = new Set([...known.map(({ row }) => row), 'cloud', 'peer']);
  const about = [...CHECKS.flatMap(({ covers = [] }) => covers), ...UNSEEN.map(({ row }) => row)];
  assert.deepEqual(
    about.filter((row) => !rows.has(row)),
    [],
  );
});

it('every link inside the page leads somewhere', () => {
  const anchors = new Set(
    [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll("'", '').replaceAll(' ', '-')),
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!);
  assert.deepEqual(
    links.filter((anchor) => !anchors.has(anchor)),
    [],
  );
  assert.ok(CHECKS.every(({ id }) => anchors.has(id)));
});
