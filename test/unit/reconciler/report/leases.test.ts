import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoreRecord } from '../../../../reconciler/contracts/source.ts';
import { leasesDocument, renderLeases } from '../../../../reconciler/report/leases.ts';
import { Mirror } from '../../../../reconciler/store/mirror.ts';
import { CONFIG_KEY, leaseRecord, PREFIX } from '../../../helpers/store.ts';

const SUBNET = '10.5.1.0/24';

/** What `selvage leases` finds wrong with a lease of this value in a network of this backend. */
const problemsOf = (value: object, backend: object = { Type: 'vxlan' }): string[] =>
  documentOf(value, backend).leases.flatMap(({ problems }) => problems);

function documentOf(value: object, backend: object) {
  const mirror = new Mirror(PREFIX);
  const config = JSON.stringify({ Network: '10.5.0.0/16', Backend: backend });
  const leases = [leaseRecord({ subnet: SUBNET, host: 1, revision: 5, value: JSON.stringify(value) })];
  mirror.applySnapshot(
    {
      revision: 5,
      clusterId: '1',
      config: { key: CONFIG_KEY, value: config, modRevision: 1, createRevision: 1, leaseId: '0' },
      leases,
    },
    0,
  );
  return leasesDocument(mirror, { kind: 'etcd-v3' }, new Map());
}

const PublicIP = '192.168.64.2';
const VtepMAC = '02:00:00:00:00:01';
const vxlan = { PublicIP, BackendType: 'vxlan', BackendData: { VNI: 1, VtepMAC } };

describe('what selvage leases finds wrong with a lease', () => {
  it('nothing, if it is as flannel writes it', () => {
    assert.deepEqual(problemsOf(vxlan), []);
    assert.deepEqual(problemsOf(vxlan, { Type: 'VXLAN' }), [], "the config's spelling is free");
    assert.deepEqual(problemsOf({ ...vxlan, BackendData: { VtepMAC } }), [], 'v0.11 writes no VNI');
    assert.deepEqual(problemsOf({ PublicIP }, { Type: 'udp' }), [], 'udp names itself nowhere');
    const big = { ...vxlan, BackendData: { VNI: 70_000 & 0xffff, VtepMAC } };
    assert.deepEqual(problemsOf(big, { Type: 'vxlan', VNI: 70_000 }), [], 'a lease keeps 16 bits');
  });

  it('a backend in another spelling: every host holds such a peer', () => {
    assert.deepEqual(problemsOf({ ...vxlan, BackendType: 'VXLAN' }), ["Its backend is VXLAN, the network's is vxlan."]);
    assert.deepEqual(problemsOf({ PublicIP }), ["Its backend is not named, the network's is vxlan."]);
  });

  it('in a cloud’s network a lease names nothing, as flannel writes it, or the config’s own word', () => {
    for (const Type of ['aws-vpc', 'gce', 'udp']) {
      assert.deepEqual(problemsOf({ PublicIP }, { Type }), []);
      assert.deepEqual(problemsOf({ PublicIP, BackendType: Type }, { Type }), []);
      assert.deepEqual(problemsOf(vxlan, { Type }), [`Its backend is vxlan, the network's is ${Type}.`]);
    }
    assert.deepEqual(problemsOf({ PublicIP, BackendType: 'gce' }, { Type: 'aws-vpc' }), [
      "Its backend is gce, the network's is aws-vpc.",
    ]);
    assert.deepEqual(problemsOf({ PublicIP, BackendType: 'alloc' }, { Type: 'alloc' }), []);
  });

  it('another VNI: that host has not followed the config', () => {
    assert.deepEqual(problemsOf({ ...vxlan, BackendData: { VNI: 7, VtepMAC } }), ["Its VNI is 7, the network's is 1."]);
  });

  it('no address', () => {
    const { PublicIP: _, ...nowhere } = vxlan;
    assert.deepEqual(problemsOf(nowhere), ['It does not say where its host is (PublicIP).']);
  });
});

describe('what selvage leases says of hosts with an older flannel', () => {
  const old = { ...vxlan, BackendData: { VtepMAC } };
  const said = (value: object, backend: object) =>
    documentOf(value, { Type: 'vxlan', ...backend }).held.map(({ detail }) => detail);

  it('names what they may ignore, where the config has it', () => {
    assert.match(
      said(old, { MTU: 1400 })[0]!,
      /^The lease of 10\.5\.1\.0\/24 names no VNI.*Backend\.MTU \(.*below 0\.22/,
    );
    assert.match(said(old, { MTU: 1400, Learning: true })[0]!, /Backend\.MTU .* and Backend\.Learning/);
  });

  it('nothing where there is nothing to ignore, or all leases name their VNI', () => {
    assert.deepEqual(said(old, {}), []);
    assert.deepEqual(said(old, { Learning: false }), []);
    assert.deepEqual(said(vxlan, { MTU: 1400, Learning: true }), []);
  });
});

/** What is written in the end of a store with these leases. */
async function rendered(records: StoreRecord[], format: 'json' | 'markdown' | 'table'): Promise<string> {
  const mirror = new Mirror(PREFIX);
  const value = '{"Network":"10.0.0.0/8","Backend":{"Type":"vxlan"}}';
  const config = { key: CONFIG_KEY, value, modRevision: 1, createRevision: 1, leaseId: '0' };
  mirror.applySnapshot({ revision: 5, clusterId: '1', config, leases: records }, 0);
  return renderLeases(leasesDocument(mirror, { kind: 'etcd-v3' }, new Map()), format);
}
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}]/u;
const withType = (BackendType: string, n = 1): StoreRecord =>
  leaseRecord({
    subnet: `10.${5 + (n >> 8)}.${n & 255}.0/24`,
    host: 1,
    revision: 5,
    value: JSON.stringify({ ...vxlan, BackendType }),
  });

describe('leases of somebody who means no good', () => {
  for (const length of [10_000, 1_000_000]) {
    it(`one BackendType of ${length} characters is a line like any other`, async () => {
      for (const format of ['json', 'markdown', 'table'] as const) {
        for (const unit of ['x', 'é', '\u202e', '\u0301']) {
          const text = await rendered([withType(unit.repeat(length / unit.length))], format);
          assert.ok(text.length < 8000, `${format}: ${text.length}`);
        }
      }
    });
  }

  it('one of more than 16 KB is held, and what it said before stays', async () => {
    const good = leaseRecord({ subnet: SUBNET, host: 1, revision: 5 });
    const mirror = new Mirror(PREFIX);
    mirror.applySnapshot({ revision: 5, clusterId: '1', config: undefined, leases: [good] }, 0);
    const long = { ...good, value: JSON.stringify({ ...vxlan, junk: 'é'.repeat(8200) }), modRevision: 6 };
    mirror.applyChanges([{ op: 'put', record: long }], 6, 0);
    assert.deepEqual(mirror.held.map(({ kind, key, why }) => [kind, key, why]).slice(-1), [
      ['lease', good.key, 'malformed lease'],
    ]);
    assert.match(mirror.held.at(-1)!.detail, /is longer than 16,384 bytes/);
    assert.equal(mirror.allLeases[0]?.attrs.publicIP, JSON.parse(good.value).PublicIP);
    mirror.applyChanges([{ op: 'put', record: { ...good, modRevision: 7 } }], 7, 0);
    assert.ok(!mirror.held.some(({ kind }) => kind === 'lease'));
  });

  it('a key of any length and kind is held in a few words, in time in proportion to it', async () => {
    const subnets = `${PREFIX}/subnets/`;
    const names = ['x', '1', '1.', '\u202e', '10.5.1.0-24&', 'é', '/'].flatMap((unit) => [
      unit.repeat(10_000 / unit.length),
      unit.repeat(1_000_000 / unit.length),
    ]);
    const records = names.map((name) => ({
      key: subnets + name,
      value: '{}',
      modRevision: 5,
      createRevision: 5,
      leaseId: '0',
    }));
    const before = process.cpuUsage();
    const text = await rendered(records, 'json');
    assert.ok(process.cpuUsage(before).user < 10_000_000);
    assert.ok(text.length < names.length * 5000, String(text.length));
    assert.doesNotMatch(text.replaceAll('\n', ''), HIDDEN);
  });

  it('16,384 of them, each with what it likes in it, are a document in proportion to their number', async () => {
    const units = ['x', '\u202e', '\u0301', 'é', '👍', '\n', '\\', '|', '\u200b'];
    const records = Array.from({ length: 16_384 }, (_, n) => withType(units[n % units.length]!.repeat(100), n));
    // CPU time of this process; what is quadratic in the number takes minutes.
    const before = process.cpuUsage();
    for (const format of ['json'] as const) {
      const text = await rendered(records, format);
      assert.ok(text.length < 16_384 * 4000, String(text.length));
      assert.doesNotMatch(text.replaceAll('\n', ''), HIDDEN);
    }
    assert.ok(process.cpuUsage(before).user < 60_000_000, `${process.cpuUsage(before).user / 1e6} s`);
  });
});
