import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { indexFor, isInPlace, type Place } from '../../../../reconciler/firewall/place.ts';
import { chainMayDrop, isFinal, jumpTo, ruleMayDrop } from '../../../../reconciler/firewall/reach.ts';
import type { Rule } from '../../../../reconciler/firewall/rule.ts';
import type { TableView } from '../../../../reconciler/firewall/ruleset.ts';
import { callerOf } from '../../../../reconciler/firewall/wanted.ts';
import { holds } from '../../../helpers/property.ts';
import { filterRule } from '../../../helpers/rule-arbitrary.ts';

const OURS: Rule = { comment: 'selvage', verdict: { to: 'jump', chain: 'SELVAGE-FWD' } };
const jump = (chain: string): Rule => ({ verdict: { to: 'jump', chain } });
const drop: Rule = { src: { net: '10.0.0.0/8' }, verdict: { to: 'drop' } };
const accept: Rule = { verdict: { to: 'accept' } };
const back: Rule = { verdict: { to: 'return' } };

const table = (chains: Record<string, Rule[]>, policy: 'accept' | 'drop' = 'accept'): TableView => ({
  engine: 'nft',
  family: 'ip',
  name: 'filter',
  chains: new Map(
    Object.entries(chains).map(([name, rules]) => [
      name,
      name === 'FORWARD' ? { base: { type: 'filter', hook: 'forward', priority: 0, policy }, rules } : { rules },
    ]),
  ),
});

const isOurs = (rule: Rule): boolean => rule === OURS;

test('wherever ours are put, they are found to be in place', async (t) => {
  const arbitrary = fc.tuple(fc.array(filterRule, { maxLength: 8 }), fc.constantFrom<Place>('first', 'last'));
  await holds(t, arbitrary, async ([others, place]) => {
    const rules = others.toSpliced(indexFor(others, place), 0, OURS);
    const view = table({ FORWARD: rules, SOME: [] });
    assert.ok(isInPlace(rules, [rules.indexOf(OURS)], place, view, isOurs));
  });
});

test("first is before whatever may drop, and what can't may stay before us", () => {
  const view = table({ FORWARD: [], A: [drop], B: [accept], 'SELVAGE-FWD': [accept] });
  const placed = (...rules: Rule[]): boolean => isInPlace(rules, [rules.indexOf(OURS)], 'first', view, isOurs);
  assert.ok(placed(OURS, drop));
  assert.ok(placed(jump('B'), accept, OURS, drop));
  assert.ok(!placed(drop, OURS));
  assert.ok(!placed(jump('A'), OURS));
  assert.ok(!placed(jump('nobody knows'), OURS));
  assert.ok(!placed({ verdict: { to: 'other', name: 'REJECT' } }, OURS));
  assert.ok(placed({ verdict: { to: 'other', name: 'LOG' } }, OURS));
});

test("last is behind everything that a user has said, and before a final RETURN; a final DROP is the user's", () => {
  const view = table({ FORWARD: [] });
  const placed = (...rules: Rule[]): boolean => isInPlace(rules, [rules.indexOf(OURS)], 'last', view, isOurs);
  assert.ok(placed(drop, OURS));
  assert.ok(placed(drop, OURS, back));
  assert.ok(placed(drop, OURS, back, drop), 'what is behind the RETURN is never reached');
  assert.ok(!placed(OURS, drop));
  assert.ok(!placed(OURS, drop, back));
  assert.ok(!placed(back, OURS));
  assert.deepEqual(indexFor([drop, back], 'last'), 1);
  assert.deepEqual(indexFor([{ verdict: { to: 'drop' } }], 'last'), 1);
});

test('two of ours that are apart are not in place', () => {
  const view = table({ FORWARD: [] });
  const rules = [{ ...OURS }, accept, { ...OURS }];
  assert.ok(!isInPlace(rules, [0, 2], 'first', view, () => false));
});

test('what may drop: policies, targets that are not known, and chains however far away', () => {
  assert.ok(chainMayDrop('FORWARD', table({ FORWARD: [] }, 'drop')));
  assert.ok(!chainMayDrop('FORWARD', table({ FORWARD: [accept, jump('A')], A: [back, jump('A')] })));
  assert.ok(chainMayDrop('FORWARD', table({ FORWARD: [jump('A')], A: [jump('B')], B: [drop] })));
  assert.ok(ruleMayDrop({ verdict: { to: 'other', name: 'NFQUEUE' } }, table({})));
  assert.ok(isFinal(accept) && !isFinal({ ...accept, opaque: ['limit'] }) && !isFinal(jump('A')));
});

test("our chain is called from DOCKER-USER where all packets get there, before Docker's own chains", () => {
  const caller = (...forward: Rule[]): string => callerOf(table({ FORWARD: forward, 'DOCKER-USER': [] }));
  assert.equal(caller(jump('DOCKER-USER'), jump('DOCKER-FORWARD')), 'DOCKER-USER');
  assert.equal(caller(drop, jump('DOCKER-USER')), 'DOCKER-USER');
  assert.equal(caller(), 'FORWARD', 'after iptables -F');
  assert.equal(caller(jump('DOCKER-FORWARD'), jump('DOCKER-USER')), 'FORWARD');
  assert.equal(caller(accept, jump('DOCKER-USER')), 'FORWARD');
  assert.equal(caller({ ...jump('DOCKER-USER'), in: { name: 'eth0' } }), 'FORWARD');
  assert.equal(callerOf(table({ FORWARD: [jump('DOCKER-USER')] })), 'FORWARD', 'there is no such chain');
  assert.equal(jumpTo({ rules: [back, jump('A')] }, 'A'), -1);
});
