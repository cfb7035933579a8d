import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLeaseAttrs } from '../../../config/lease.ts';
import { readWrittenVxlan, vniOf, vxlanBackendData, vxlanData } from '../../../config/vxlan-lease.ts';

const of = (backendData: unknown, backendType = 'vxlan') =>
  vxlanData({ publicIP: '1.2.3.4', publicIPv6: null, backendType, backendData });

test('a VTEP with and without its VNI', () => {
  assert.deepEqual(of({ VNI: 1, VtepMAC: '82:4b:b6:2f:54:4e' }), { mac: '82:4b:b6:2f:54:4e', vni: 1 });
  assert.deepEqual(of({ VtepMAC: '82:4b:b6:2f:54:4e' }), { mac: '82:4b:b6:2f:54:4e' });
  assert.deepEqual(of({ VNI: null, vtepmac: '82:4b:b6:2f:54:4e' }), { mac: '82:4b:b6:2f:54:4e' });
  assert.deepEqual(of({ VNI: 65535, VtepMAC: '82:4b:b6:2f:54:4e' }), { mac: '82:4b:b6:2f:54:4e', vni: 65535 });
});

test('a VNI that flannel can not read is no VTEP, whichever way the lease is read', () => {
  for (const vni of [2 ** 16, 2 ** 32, -1, 1.5, Number.POSITIVE_INFINITY, 'x', {}]) {
    const reason = of({ VNI: vni, VtepMAC: '82:4b:b6:2f:54:4e' }).reason ?? '';
    assert.match(reason, /^VNI is .*, which flannel's leases have from 0 to 65535$/, String(vni));
  }
  for (const text of ['65536', '4294967296', '1e400', '-1']) {
    const value = `{"PublicIP":"1.2.3.4","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":${text},"VtepMAC":"82:4b:b6:2f:54:4e"}}`;
    assert.equal(readWrittenVxlan(value), undefined);
    const attrs = parseLeaseAttrs(value);
    assert.ok(vxlanData(attrs).reason);
    assert.equal(vniOf(attrs), undefined);
  }
});

test('MACs come out in canonical form', () => {
  for (const text of ['82:4B:B6:2F:54:4E', '82-4b-b6-2f-54-4e', '824b.b62f.544e']) {
    assert.equal(of({ VtepMAC: text }).mac, '82:4b:b6:2f:54:4e');
  }
});

test('what names no VTEP has its reason', () => {
  const cases: [unknown, string][] = [
    [undefined, 'BackendData is missing'],
    [null, 'BackendData is missing'],
    ['x', 'BackendData is missing'],
    [{}, 'BackendData has no VtepMAC'],
    [{ VtepMAC: null }, 'VtepMAC is null, which is no MAC address such as 82:4b:b6:2f:54:4e'],
    [{ VtepMAC: '' }, 'VtepMAC is "", which is no MAC address such as 82:4b:b6:2f:54:4e'],
    [{ VtepMAC: '82:4b:b6:2f:54' }, 'VtepMAC is "82:4b:b6:2f:54", which is no MAC address such as 82:4b:b6:2f:54:4e'],
    [
      { VtepMAC: '82:4b:b6-2f:54:4e' },
      'VtepMAC is "82:4b:b6-2f:54:4e", which is no MAC address such as 82:4b:b6:2f:54:4e',
    ],
    [{ VtepMAC: '00:00:00:00:00:00' }, 'VtepMAC is all zeros, which addresses no host'],
    [{ VtepMAC: '01:00:5e:00:00:01' }, 'VtepMAC is 01:00:5e:00:00:01, a multicast address'],
    [{ VtepMAC: 'ff:ff:ff:ff:ff:ff' }, 'VtepMAC is ff:ff:ff:ff:ff:ff, a multicast address'],
  ];
  for (const [data, reason] of cases) assert.deepEqual(of(data), { reason });
  assert.deepEqual(of({ VtepMAC: '82:4b:b6:2f:54:4e' }, 'VXLAN'), { reason: 'BackendType is "VXLAN", not "vxlan"' });
});

test('our own data is in flannel’s order, and its VNI fits the 16 bits that peers read', () => {
  assert.equal(JSON.stringify(vxlanBackendData(1, '82:4b:b6:2f:54:4e')), '{"VNI":1,"VtepMAC":"82:4b:b6:2f:54:4e"}');
  assert.equal(vxlanBackendData(65536 + 7, '82:4b:b6:2f:54:4e').VNI, 7);
});
