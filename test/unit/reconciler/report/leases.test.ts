import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leasesDocument } from '../../../../reconciler/report/leases.ts';
import { Mirror } from '../../../../reconciler/store/mirror.ts';
import { CONFIG_KEY, leaseRecord, PREFIX } from '../../../helpers/store.ts';

const SUBNET = '10.5.1.0/24';

/** What `selvage leases` finds wrong with a lease of this value in a network of this backend. */
function problemsOf(value: object, backend: object = { Type: 'vxlan' }): string[] {
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
  return leasesDocument(mirror, { kind: 'etcd-v3' }, new Map()).leases.flatMap(({ problems }) => problems);
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

  it('another VNI: that host has not followed the config', () => {
    assert.deepEqual(problemsOf({ ...vxlan, BackendData: { VNI: 7, VtepMAC } }), ["Its VNI is 7, the network's is 1."]);
  });

  it('no address', () => {
    const { PublicIP: _, ...nowhere } = vxlan;
    assert.deepEqual(problemsOf(nowhere), ['It does not say where its host is (PublicIP).']);
  });
});
