import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { each } from '../../../../../drivers/netlink/nft/attributes.ts';
import { decodeExpressions, encodeExpressions } from '../../../../../drivers/netlink/nft/expressions.ts';
import {
  readChain,
  readElements,
  readGeneration,
  readRuleObject,
  ruleAttributes,
} from '../../../../../drivers/netlink/nft/objects.ts';
import { readRule, writeRule } from '../../../../../drivers/netlink/nft/rules.ts';
import { iptablesText, nftText } from '../../../../../reconciler/firewall/rule.ts';
import { holds } from '../../../../helpers/property.ts';
import { filterRule, nativeRule } from '../../../../helpers/rule-arbitrary.ts';

test('what is written is read as the same rule, in both forms, and written again to the same bytes', async (t) => {
  const arbitrary = fc.oneof(filterRule, nativeRule);
  await holds(t, fc.tuple(arbitrary, fc.constantFrom('iptables', 'nft')), async ([rule, form]) => {
    const written = writeRule(rule, form as 'iptables' | 'nft');
    const bytes = ruleAttributes({ table: 'filter', chain: 'FORWARD', ...written });
    const object = readRuleObject(2, bytes);
    const read = readRule(object);
    assert.equal(iptablesText(read), iptablesText(rule));
    assert.equal(nftText(read), nftText(rule));
    assert.deepEqual(ruleAttributes(object), bytes);
  });
});

/** As `nft --debug=netlink` has shown them on kernel 6.18, sent by nft 1.0.6. */
test('the bytes are those that nft sends', () => {
  const { exprs } = writeRule({ src: { net: '10.5.0.0/16' }, verdict: { to: 'keep-source' } }, 'nft');
  assert.deepEqual(exprs, [
    { name: 'payload', base: 1, offset: 12, len: 2, dreg: 1 },
    { name: 'cmp', op: 0, sreg: 1, data: '0a05' },
    { name: 'payload', base: 1, offset: 12, len: 4, dreg: 1 },
    { name: 'nat', type: 0, family: 2, addrMin: 1, addrMax: 1, flags: 1 },
  ]);
  const device = writeRule({ in: { name: 'eth0' }, verdict: { to: 'accept' } }, 'iptables').exprs;
  assert.deepEqual(device, [
    { name: 'meta', key: 6, dreg: 1 },
    { name: 'cmp', op: 0, sreg: 1, data: '6574683000' },
    { name: 'counter' },
    { name: 'verdict', code: 1, chain: '' },
  ]);
});

test('whatever bytes come, reading ends and throws nothing', async (t) => {
  await holds(t, fc.uint8Array({ maxLength: 200 }), async (bytes) => {
    for (const _ of each(bytes));
    readRule(readRuleObject(2, bytes));
    readChain(2, bytes);
    readElements(bytes);
    readGeneration(bytes);
    assert.deepEqual(decodeExpressions(encodeExpressions(decodeExpressions(bytes))), decodeExpressions(bytes));
  });
});

test('a rule with what is not understood can be neither written nor taken for one of ours', () => {
  assert.throws(() => writeRule({ opaque: ['conntrack'], verdict: { to: 'accept' } }, 'iptables'), TypeError);
  assert.throws(() => writeRule({ verdict: { to: 'other', name: 'REJECT' } }, 'iptables'), TypeError);
  const limited = readRule({
    exprs: [
      { name: 'other', of: 'limit', data: '' },
      { name: 'verdict', code: 1, chain: '' },
    ],
    userdata: '',
  });
  assert.deepEqual(limited, { opaque: ['limit'], verdict: { to: 'accept' } });
});
