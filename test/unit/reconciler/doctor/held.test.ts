/** Whatever a report holds is said by one check, so that doctor never says less than drift. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ReportKind } from '../../../../reconciler/contracts/report.ts';
import { withDaemons } from '../../../../reconciler/doctor/held.ts';
import { assign, CHECKS, examine } from '../../../../reconciler/doctor/index.ts';
import { BUILD_ORDER } from '../../../../reconciler/kinds/index.ts';
import { factsOf, heldOf, lookWith } from '../../../helpers/facts.ts';

const KINDS: ReportKind[] = [
  ...BUILD_ORDER,
  'docker',
  'udp',
  'cloud',
  'way',
  'cloud-route',
  'source-dest-check',
  'cloud-host',
  'lease',
  'config',
  'peer',
  'store',
  'sysctl',
];

it('an entry of any kind, for any reason, is said, and once', () => {
  for (const kind of KINDS)
    for (const why of [
      'something new',
      'foreign route',
      'not permitted',
      'backing off',
      'would cut this host off',
      'contested',
      'quota reached',
    ]) {
      const entry = heldOf(kind, why, { detail: `${kind} ${why} 4711` });
      const said = examine(factsOf({ look: lookWith({ held: [entry] }) })).flatMap(({ findings }) => findings);
      assert.equal(said.filter(({ says }) => says.includes('4711')).length, 1, `${kind}: ${why}`);
    }
});

it('the checks that take the rest come after all others', () => {
  const [check] = [...assign([heldOf('lease', 'out of subnets')]).keys()];
  assert.equal(check?.id, 'room');
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
});

it('what the daemon holds beside the own look is told, too, and what both hold once', () => {
  const told = (why: string, detail: string) => ({ ...heldOf('peer', why, { detail }), text: '' });
  const held = withDaemons([told('no address', 'young')], [told('no address', 'old'), told('no answer', 'gone')]);
  assert.deepEqual(
    held.map(({ detail }) => detail),
    ['young', 'gone'],
  );
});

it('what a report finds to differ is said, of whichever kind', () => {
  for (const kind of KINDS) {
    const otherDrift = [{ op: 'create' as const, kind, key: 'nft ip selvage 4711', reason: '4711' }];
    const said = examine(factsOf({ look: lookWith({ report: { otherDrift } }) })).filter(({ level }) => level !== 'ok');
    assert.equal(said.length, 1, `${kind}: ${JSON.stringify(said)}`);
  }
});
