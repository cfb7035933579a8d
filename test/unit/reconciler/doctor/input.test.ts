import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type InputChain, type InputRule, verdictOf } from '../../../../reconciler/doctor/input.ts';

const accept = { to: 'accept' } as const;
const drop = { to: 'drop' } as const;
const rule = (meets: InputRule['meets'], verdict: InputRule['verdict']): InputRule => ({ meets, verdict });
const chain = (
  policy: InputChain['policy'],
  rules: InputRule[],
  others: Record<string, InputRule[]> = {},
): InputChain => ({
  name: 'nft inet filter input',
  policy,
  rules,
  others: new Map(Object.entries(others)),
});

const CASES: [string, InputChain, ReturnType<typeof verdictOf>][] = [
  ['no rule, policy accept', chain('accept', []), 'accepts'],
  ['no rule, policy drop', chain('drop', []), 'drops'],
  ['an accept for the port', chain('drop', [rule('meets', accept)]), 'accepts'],
  ['an accept for another port', chain('drop', [rule('misses', accept)]), 'drops'],
  ['an accept that may be for it', chain('drop', [rule('perhaps', accept)]), 'perhaps'],
  ['a drop that may be for it, then policy accept', chain('accept', [rule('perhaps', drop)]), 'perhaps'],
  [
    'a drop that may be for it, before the accept',
    chain('drop', [rule('perhaps', drop), rule('meets', accept)]),
    'perhaps',
  ],
  ['an accept before the drop', chain('accept', [rule('meets', accept), rule('meets', drop)]), 'accepts'],
  ['a reject at the end', chain('accept', [rule('meets', { to: 'other', name: 'REJECT' })]), 'drops'],
  ['a log goes on', chain('accept', [rule('meets', { to: 'other', name: 'LOG' })]), 'accepts'],
  ['a target that nobody knows', chain('accept', [rule('meets', { to: 'other', name: 'NFQUEUE' })]), 'perhaps'],
  [
    'a chain that accepts',
    chain('drop', [rule('meets', { to: 'jump', chain: 'a' })], { a: [rule('meets', accept)] }),
    'accepts',
  ],
  [
    'a chain that returns',
    chain('drop', [rule('meets', { to: 'jump', chain: 'a' })], {
      a: [rule('meets', { to: 'return' }), rule('meets', accept)],
    }),
    'drops',
  ],
  [
    'a chain that may return before it drops (ufw-not-local), and the accept behind it',
    chain('drop', [rule('meets', { to: 'jump', chain: 'a' }), rule('meets', accept)], {
      a: [rule('perhaps', { to: 'return' }), rule('meets', drop)],
    }),
    'perhaps',
  ],
  [
    'a chain that may return before it drops, and nothing behind it',
    chain('drop', [rule('meets', { to: 'jump', chain: 'a' })], {
      a: [rule('perhaps', { to: 'return' }), rule('meets', drop)],
    }),
    'drops',
  ],
  ['a chain that was not read', chain('accept', [rule('meets', { to: 'jump', chain: 'b' })]), 'perhaps'],
  [
    'chains that lead to each other',
    chain('accept', [rule('meets', { to: 'jump', chain: 'a' })], { a: [rule('meets', { to: 'jump', chain: 'a' })] }),
    'perhaps',
  ],
];

for (const [what, given, expected] of CASES) it(what, () => assert.equal(verdictOf(given), expected));
