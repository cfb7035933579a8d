import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bothHold, differenceOf } from '../../../../drivers/etcd-auto/difference.ts';
import { configRecord, leaseRecord, macOf, PREFIX, snapshotOf } from '../../../helpers/store.ts';

const old = (host: number) =>
  `{"PublicIP":"192.168.0.${host}","BackendType":"vxlan","BackendData":{"VtepMAC":"${macOf(host)}"}}`;
const lease = (block: number, host: number, value?: string) =>
  leaseRecord({ subnet: `10.5.${block}.0/24`, host, revision: 1, value });

describe('what differs between the two key spaces', () => {
  it('is not how they write the same', () => {
    const v3 = snapshotOf({
      leases: [lease(1, 1)],
      config: configRecord('{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}'),
    });
    const v2 = snapshotOf({
      leases: [lease(1, 1, old(1))],
      config: configRecord('{ "network": "10.5.0.0/16", "Backend": {"Type": "vxlan", "VNI": 1} }'),
    });
    assert.deepEqual(differenceOf(v3, v2), { config: false, onlyV2: [], onlyV3: [], differing: [] });
    assert.match(bothHold(PREFIX, v3, v2).detail, /They say the same/);
  });

  it('is the config, leases of one side only, and leases of another host', () => {
    const v3 = snapshotOf({ leases: [lease(1, 1), lease(2, 2), lease(9, 9)] });
    const v2 = snapshotOf({
      leases: [lease(1, 7, old(7)), lease(2, 2, old(2)), ...[3, 4, 5, 6].map((n) => lease(n, n, old(n)))],
      config: configRecord('{"Network":"10.6.0.0/16"}'),
    });
    assert.deepEqual(differenceOf(v3, v2), {
      config: true,
      onlyV2: ['10.5.3.0-24', '10.5.4.0-24', '10.5.5.0-24', '10.5.6.0-24'],
      onlyV3: ['10.5.9.0-24'],
      differing: ['10.5.1.0-24'],
    });
    const { detail, unmet } = bothHold(PREFIX, v3, v2);
    assert.equal(unmet, false);
    assert.match(detail, /v3's is used \(3 leases\), v2's \(6 leases\)/);
    assert.match(
      detail,
      /the configs; only v2 has 10\.5\.3\.0-24, 10\.5\.4\.0-24, 10\.5\.5\.0-24 and 1 more; only v3 has/,
    );
  });

  it('compares what nobody can read by its text', () => {
    const of = (value: string) => snapshotOf({ leases: [lease(1, 1, value)], config: configRecord(value) });
    assert.deepEqual(differenceOf(of('junk'), of('junk')).differing, []);
    assert.deepEqual(differenceOf(of('junk'), of('other')).differing, ['10.5.1.0-24']);
    assert.equal(differenceOf(of('junk'), of('other')).config, true);
  });
});
