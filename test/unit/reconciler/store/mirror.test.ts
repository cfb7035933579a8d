import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mirror } from '../../../../reconciler/store/mirror.ts';
import { isNoChange } from '../../../../reconciler/store/mirror-change.ts';
import {
  addressOf,
  CONFIG,
  CONFIG_KEY,
  configRecord,
  keyFor,
  leaseRecord,
  PREFIX,
  put,
  remove,
  snapshotOf,
} from '../../../helpers/store.ts';

const A = '10.5.1.0/24';
const B = '10.5.2.0/24';
const record = leaseRecord;

function mirrorOf(
  leases = [record({ subnet: A, host: 1, revision: 10 }), record({ subnet: B, host: 2, revision: 11 })],
) {
  const mirror = new Mirror(PREFIX, { ttlSeconds: 100 });
  const change = mirror.applySnapshot(snapshotOf({ leases }), 0);
  return { mirror, change };
}

const inForce = (mirror: Mirror): string[] => [...mirror.leases.keys()].sort();
const why = (mirror: Mirror): string[] => mirror.held.map((entry) => `${entry.why}: ${entry.key}`);

describe('mirror', () => {
  it('takes over a snapshot', () => {
    const { mirror, change } = mirrorOf();
    assert.deepEqual(inForce(mirror), [A, B]);
    assert.deepEqual([...change.subnets], [A, B]);
    assert.equal(change.config, true);
    assert.equal(mirror.complete, true);
    assert.equal(mirror.config?.network, '10.5.0.0/16');
    assert.equal(mirror.configText, CONFIG);
    assert.equal(mirror.revision, 100);
    assert.deepEqual(mirror.leases.get(A)?.attrs.publicIP, addressOf(1));
    assert.deepEqual(mirror.held, []);
  });

  it('is not complete before there is a snapshot, nor without a config', () => {
    const mirror = new Mirror(PREFIX);
    assert.equal(mirror.complete, false);
    mirror.applySnapshot(snapshotOf({ config: undefined }), 0);
    assert.equal(mirror.complete, false);
    assert.deepEqual(why(mirror), [`no config: ${CONFIG_KEY}`]);
    assert.equal(mirror.applyChanges([put(configRecord(CONFIG, 101))], 101, 1).config, true);
    assert.equal(mirror.complete, true);
    assert.deepEqual(mirror.held, []);
  });

  it('finds nothing new in the same snapshot', () => {
    const { mirror } = mirrorOf();
    assert.ok(isNoChange(mirror.applySnapshot(snapshotOf({ leases: [...mirror.snapshot().leases] }), 1)));
  });

  it('tells a renewal from a change', () => {
    const { mirror } = mirrorOf();
    const renewed = mirror.applyChanges([put(record({ subnet: A, host: 1, revision: 101, created: 10 }))], 101, 1);
    assert.deepEqual([[...renewed.renewed], [...renewed.subnets]], [[A], []]);
    assert.equal(mirror.leases.get(A)?.modRevision, 101);
    const moved = mirror.applyChanges([put(record({ subnet: A, host: 9, revision: 102, created: 10 }))], 102, 1);
    assert.deepEqual([[...moved.renewed], [...moved.subnets], [...moved.removed]], [[], [A], []]);
  });

  it('believes a delete from a watch and from the listing of a store that it knows', () => {
    const { mirror } = mirrorOf();
    const change = mirror.applyChanges([remove(keyFor(A), 101)], 101, 1);
    assert.deepEqual([[...change.subnets], [...change.removed]], [[A], [A]]);
    mirror.applySnapshot(snapshotOf({ revision: 102 }), 2);
    assert.deepEqual(inForce(mirror), []);
    assert.equal(mirror.doubt, undefined);
  });

  it('sees only what a batch comes to', () => {
    const { mirror } = mirrorOf();
    const back = record({ subnet: A, host: 1, revision: 102 });
    const change = mirror.applyChanges([remove(keyFor(A), 101), put(back)], 102, 1);
    assert.deepEqual([[...change.subnets], [...change.renewed]], [[], [A]]);
    const shortLived = record({ subnet: '10.5.9.0/24', host: 9, revision: 103 });
    assert.ok(isNoChange(mirror.applyChanges([put(shortLived), remove(shortLived.key, 104)], 104, 2)));
  });

  it('ignores keys beside its own', () => {
    const { mirror } = mirrorOf();
    const foreign = [`${PREFIX}/subnets-old/10.5.3.0-24`, '/other/subnets/10.5.3.0-24', `${PREFIX}/subnetsx`];
    const records = foreign.map((key) => put({ ...record({ subnet: A, host: 3, revision: 101 }), key }));
    assert.ok(isNoChange(mirror.applyChanges(records, 101, 1)));
  });
});

describe('mirror, unreadable is not absent', () => {
  it('keeps the last good lease when its value breaks, with what its owner needs to write it', () => {
    const { mirror } = mirrorOf();
    const broken = record({ subnet: A, host: 1, revision: 101, created: 10, value: '{"PublicIP":1}' });
    mirror.applyChanges([put(broken)], 101, 1);
    const lease = mirror.leases.get(A);
    assert.equal(lease?.attrs.publicIP, addressOf(1));
    assert.deepEqual([lease?.modRevision, lease?.value], [101, '{"PublicIP":1}']);
    assert.deepEqual(why(mirror), [`malformed lease: ${keyFor(A)}`]);
    assert.deepEqual(mirror.record(keyFor(A)), broken);
    assert.equal(mirror.snapshot().leases[0]?.modRevision, 10, 'the copy for the disk has what can be read');

    mirror.applyChanges([put(record({ subnet: A, host: 1, revision: 102, created: 10 }))], 102, 2);
    assert.deepEqual(mirror.held, []);
  });

  it('holds what it never could read, and counts its addresses as taken', () => {
    const { mirror } = mirrorOf([record({ subnet: A, host: 1, revision: 10, value: 'nonsense' })]);
    assert.deepEqual(inForce(mirror), []);
    assert.deepEqual(mirror.unreadableSubnets, [A]);
    mirror.applyChanges([remove(keyFor(A), 101)], 101, 1);
    assert.deepEqual([mirror.held, mirror.unreadableSubnets], [[], []]);
  });

  it('holds keys that are none, and is not disturbed by them', () => {
    const keys = ['10.5.3.7-24', 'junk10.5.4.0-24', 'what', '10.5.5.0-24hi', 'a/10.5.6.0-24', '10.5.7.0/24'];
    const records = keys.map((name, i) => ({
      ...record({ subnet: A, host: 9, revision: 20 + i }),
      key: `${PREFIX}/subnets/${name}`,
    }));
    const { mirror } = mirrorOf([record({ subnet: A, host: 1, revision: 10 }), ...records]);
    assert.deepEqual(inForce(mirror), [A]);
    assert.equal(mirror.held.length, keys.length);
    assert.ok(mirror.held.every((entry) => entry.why === 'malformed key'));
    assert.deepEqual(mirror.unreadableSubnets.sort(), ['10.5.3.7/24', '10.5.4.0/24', '10.5.6.0/24']);
    const gone = mirror.applyChanges([remove(records[0]!.key, 101)], 101, 1);
    assert.equal(gone.heldChanged, true);
    mirror.applySnapshot(snapshotOf({ revision: 102, leases: [record({ subnet: A, host: 1, revision: 10 })] }), 2);
    assert.deepEqual(mirror.held, []);
  });

  it('reads a key with an IPv6 half', () => {
    const dual = { ...record({ subnet: A, host: 1, revision: 10 }), key: `${keyFor(A)}&fc00:0:0:1::-64` };
    const { mirror } = mirrorOf([dual]);
    assert.equal(mirror.leases.get(A)?.ipv6Subnet, 'fc00:0:0:1::/64');
  });

  it('keeps the last good config when it breaks, and says so', () => {
    const { mirror } = mirrorOf();
    const change = mirror.applyChanges([put(configRecord('{"Network":"10.5.0.0"}', 101))], 101, 1);
    assert.deepEqual([change.config, change.heldChanged], [false, true]);
    assert.deepEqual([mirror.config?.network, mirror.complete], ['10.5.0.0/16', true]);
    assert.deepEqual(why(mirror), [`malformed config: ${CONFIG_KEY}`]);
    assert.match(mirror.held[0]!.detail, /config at \S+network\/config can't be used: Network is .* stays in force\.$/);
    assert.equal(mirror.configRevision, 101);
    assert.equal(mirror.configText, CONFIG);
  });

  it('knows a config that only reads differently', () => {
    const { mirror } = mirrorOf();
    assert.equal(mirror.applyChanges([put(configRecord(` ${CONFIG}\n`, 101))], 101, 1).config, false);
    assert.equal(mirror.applyChanges([put(configRecord(CONFIG.replace('10.5', '10.6'), 102))], 102, 1).config, true);
  });

  it('keeps a deleted config in force, but deletes nothing on its word', () => {
    const { mirror } = mirrorOf();
    mirror.applyChanges([remove(CONFIG_KEY, 101)], 101, 1);
    assert.deepEqual([mirror.config?.network, mirror.complete], ['10.5.0.0/16', false]);
    assert.deepEqual(why(mirror), [`no config: ${CONFIG_KEY}`]);
  });
});

describe('mirror, overlapping leases', () => {
  const wide = record({ subnet: '10.5.0.0/23', host: 3, revision: 5 });
  const narrow = record({ subnet: A, host: 1, revision: 10 });

  for (const order of [
    [wide, narrow],
    [narrow, wide],
  ]) {
    it(`has the elder in force, whichever comes first (${order[0]!.key})`, () => {
      const { mirror } = mirrorOf([order[0]!]);
      mirror.applyChanges([put(order[1]!)], 101, 1);
      assert.deepEqual(inForce(mirror), ['10.5.0.0/23']);
      assert.deepEqual(why(mirror), [`overlapping lease: ${narrow.key}`]);
      assert.equal(mirror.allLeases.length, 2);

      const change = mirror.applyChanges([remove(wide.key, 102)], 102, 2);
      assert.deepEqual(inForce(mirror), [A]);
      assert.deepEqual([...change.subnets].sort(), ['10.5.0.0/23', A]);
      assert.deepEqual(mirror.held, []);
    });
  }

  it('lets stand who overlaps only a loser', () => {
    const elder = record({ subnet: '10.5.0.0/24', host: 4, revision: 1 });
    const { mirror } = mirrorOf([elder, wide, narrow]);
    assert.deepEqual(inForce(mirror), ['10.5.0.0/24', A]);
    assert.deepEqual(why(mirror), [`overlapping lease: ${wide.key}`]);
  });

  it('sees two keys of one subnet', () => {
    const dual = { ...record({ subnet: A, host: 7, revision: 12 }), key: `${keyFor(A)}&fc00::-64` };
    const { mirror } = mirrorOf([dual, narrow]);
    assert.equal(mirror.leases.get(A)?.key, narrow.key);
    const change = mirror.applyChanges([remove(narrow.key, 101)], 101, 1);
    assert.equal(mirror.leases.get(A)?.key, dual.key);
    assert.deepEqual([[...change.subnets], [...change.removed]], [[A], []]);
  });
});

describe('mirror, the network', () => {
  const everything = record({ subnet: '0.0.0.0/0', host: 3, revision: 1 });
  const inner = record({ subnet: A, host: 1, revision: 10 });

  it('holds what is not inside it, which disturbs nobody', () => {
    const { mirror } = mirrorOf([everything, inner, record({ subnet: '10.6.1.0/24', host: 4, revision: 2 })]);
    assert.deepEqual(inForce(mirror), [A]);
    assert.deepEqual(
      why(mirror),
      [everything.key, keyFor('10.6.1.0/24')].map((key) => `outside the network: ${key}`),
    );
    mirror.applyChanges([remove(everything.key, 101)], 101, 1);
    assert.equal(mirror.held.length, 1);
  });

  it('is followed by the leases', () => {
    const other = record({ subnet: '10.6.1.0/24', host: 4, revision: 2 });
    const { mirror } = mirrorOf([inner, other]);
    const change = mirror.applyChanges([put(configRecord(CONFIG.replace('10.5', '10.6'), 101))], 101, 1);
    assert.deepEqual([[...change.subnets].sort(), [...change.removed]], [[A, '10.6.1.0/24'], [A]]);
    assert.deepEqual(inForce(mirror), ['10.6.1.0/24']);
    assert.deepEqual(why(mirror), [`outside the network: ${inner.key}`]);
    const wide = snapshotOf({
      revision: 102,
      config: configRecord(CONFIG.replace('10.5.0.0/16', '10.0.0.0/8'), 102),
      leases: [inner, other],
    });
    mirror.applySnapshot(wide, 2);
    assert.deepEqual([inForce(mirror), mirror.held], [[A, '10.6.1.0/24'], []]);
  });
});
