import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatCopy, parseCopy, parseHead } from '../../../../drivers/state-cache/format.ts';
import type { StateCopy } from '../../../../reconciler/contracts/state-copy.ts';
import { leaseRecord, PREFIX, snapshotOf } from '../../../helpers/store.ts';

const a = leaseRecord({ subnet: '10.5.1.0/24', host: 1, revision: 10 });
const odd = { ...leaseRecord({ subnet: '10.5.2.0/24', host: 2, revision: 11 }), value: 'line\nfeed \u2028 "✂" }' };

const copy: StateCopy = {
  head: { prefix: PREFIX, kind: 'etcd-v3', clusterId: 'one', revision: 100, heardAt: 5000, network: '10.5.0.0/16' },
  snapshot: snapshotOf({ leases: [a, odd], expiresAt: new Map([[a.key, 9000]]) }),
};
const text = formatCopy(copy);

describe('the text of the last good copy', () => {
  it('reads back the same', () => {
    assert.deepEqual(parseCopy(text), copy);
    const own = { subnet: '10.5.1.0/24', nic: '52:54:00:12:34:56' };
    const past = { ...copy, head: { ...copy.head, earlierNetworks: ['10.4.0.0/16'], left: { 'vxlan 1': 7 }, own } };
    assert.deepEqual(parseCopy(formatCopy(past)), past);
    const bare = { ...copy, snapshot: snapshotOf({ leases: [], config: undefined }) };
    assert.deepEqual(parseCopy(formatCopy(bare)), bare);
  });

  it('is one JSON document on two lines, the first of which is the head', () => {
    assert.equal(JSON.parse(text).state.leases.length, 2);
    assert.equal(text.split('\n').length, 3);
    const { prefix, revision, network } = parseHead(text.split('\n')[0]!);
    assert.deepEqual([prefix, revision, network], [PREFIX, 100, '10.5.0.0/16']);
  });

  it('does not depend on the order of the leases', () => {
    const turned = { ...copy, snapshot: { ...copy.snapshot, leases: [odd, a] } };
    assert.equal(formatCopy(turned), text);
  });

  it('is refused with any one character changed, and cut off anywhere', () => {
    for (let at = 0; at < text.trimEnd().length; at++) {
      const other = text[at] === 'x' ? 'y' : 'x';
      assert.throws(() => parseCopy(text.slice(0, at) + other + text.slice(at + 1)), /^Error: is /, `at ${at}`);
      assert.throws(() => parseCopy(text.slice(0, at)), /^Error: is /, `cut at ${at}`);
    }
  });

  it('names a version that it does not know', () => {
    assert.throws(() => parseCopy(text.replace('"version":1', '"version":2')), /is of version 2/);
  });

  it('refuses other files', () => {
    for (const other of ['', '\n', '{}', '{}\n{}', '[1', 'null\n', '{"version":1}\n', 'x'.repeat(1000)]) {
      assert.throws(() => parseCopy(other), /^Error: is /, other);
    }
  });
});
