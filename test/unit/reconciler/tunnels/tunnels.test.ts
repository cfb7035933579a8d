/** What is asked of a tunnel's device, whatever its type. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  attributesThatDiffer,
  clash,
  isFixed,
  isForm,
  isOfInterest,
  isSameDevice,
  type Tunnel,
  tunnelDiffers,
  tunnelFields,
  tunnelRules,
} from '../../../../reconciler/tunnels/index.ts';

const vxlan = {
  type: 'vxlan',
  vni: 5,
  port: 8472,
  local: '192.0.2.1',
  parent: 'eth0',
  learning: false,
  gbp: false,
} as const;
const ipip = { type: 'ipip', local: '192.0.2.1', remote: '' } as const;
const device = (name: string, tunnel: Tunnel) => ({ name, type: tunnel.type as string, tunnel });

describe('a device of the form that a backend makes', () => {
  it('has the name that goes with what it is', () => {
    assert.ok(isForm(device('flannel.5', vxlan)));
    assert.ok(!isForm(device('flannel.6', vxlan)));
    assert.ok(isForm(device('flannel.ipip', ipip)));
    assert.ok(!isForm(device('flannel.5', ipip)));
    assert.ok(!isForm({ name: 'flannel.5', type: 'bridge' }));
    assert.ok(!isForm({ name: 'flannel.5', type: 'vxlan' }), 'nobody knows which VNI');
  });

  it('is one device while what can not change of it is the same', () => {
    const five = device('flannel.5', vxlan);
    assert.ok(isSameDevice(five, device('flannel.5', { ...vxlan, port: 4789, local: '' })));
    assert.ok(!isSameDevice(five, device('flannel.5', { ...vxlan, vni: 6 })));
    assert.ok(!isSameDevice(five, { name: 'flannel.5', type: 'ipip', tunnel: ipip }));
  });
});

describe('what is of interest, whosever it is', () => {
  for (const [name, type, is] of [
    ['vx7', 'vxlan', true],
    ['tunl0', 'ipip', true],
    ['flannel0', 'tun', true],
    ['flannel.9', 'bridge', true],
    ['tun3', 'tun', false],
    ['docker0', 'bridge', false],
  ] as const)
    it(`${name}, ${type}: ${is}`, () => assert.equal(isOfInterest({ name, type }), is));
});

describe('two devices that the kernel takes one of', () => {
  it('are told of with what to do', () => {
    const other = device('vx', { ...vxlan, local: '' });
    assert.match(clash(device('flannel.5', vxlan), other)!, /^VNI 5 on UDP port 8472 is in use by vx; remove/);
    assert.match(
      clash(device('flannel.ipip', ipip), device('t', ipip))!,
      /from 192\.0\.2\.1 to any is there already \(t\)/,
    );
  });

  it('are none if they differ in that, or are one', () => {
    assert.equal(clash(device('flannel.5', vxlan), device('vx', { ...vxlan, port: 4789 })), undefined);
    assert.equal(clash(device('flannel.5', vxlan), device('flannel.5', vxlan)), undefined);
    const external = device('cilium_vxlan', { ...vxlan, vni: 0, receives: 'external' });
    assert.match(
      clash(device('flannel.5', vxlan), external)!,
      /^UDP port 8472 is in use by cilium_vxlan.*\(external\)/,
    );
    assert.equal(clash(device('flannel.5', vxlan), { ...external, up: false }), undefined, 'it has no socket');
    const gbp = device('vx', { ...vxlan, vni: 6, gbp: true });
    assert.match(clash(device('flannel.5', vxlan), gbp)!, /another sort \(gbp\)/);
    const six = device('vx', { ...vxlan, vni: 6, gbp: true, ipv6: true });
    assert.equal(clash(device('flannel.5', vxlan), six), undefined, 'its socket is of IPv6 only');
    assert.equal(
      clash(device('flannel.ipip', ipip), device('tunl0', { type: 'ipip', local: '', remote: '' })),
      undefined,
    );
    assert.equal(clash(device('flannel.ipip', ipip), device('vx', vxlan)), undefined);
  });
});

describe('how a device differs', () => {
  it('is named by type and attribute, all of them for another type', () => {
    assert.deepEqual(tunnelDiffers(ipip, { ...ipip, remote: '192.0.2.9' }), ['ipip.remote']);
    assert.deepEqual(tunnelDiffers(ipip, vxlan), ['ipip.local', 'ipip.remote']);
    assert.deepEqual(tunnelDiffers({ ...vxlan, port: 0 }, vxlan), []);
  });

  it('says what can be changed in place', () => {
    assert.deepEqual(['vxlan.local', 'vxlan.vni', 'ipip.local', 'mtu'].map(isFixed), [false, true, true, false]);
    const have = { ...vxlan, local: '', port: 4789, learning: true };
    assert.deepEqual(attributesThatDiffer(vxlan, have), { local: '192.0.2.1', learning: false });
    assert.deepEqual(attributesThatDiffer({ ...vxlan, local: '' }, vxlan), {}, 'left to the kernel');
  });
});

it('a report has the attributes under their type', () => {
  assert.deepEqual(tunnelFields(ipip), { ipip: { local: '192.0.2.1', remote: '' } });
  assert.deepEqual(tunnelFields({ type: 'tun', local: '', port: 0 }), { tun: { local: '', port: 0 } });
});

it('a device reads as `ip -d link` prints it', () => {
  assert.equal(tunnelRules('ipip')!.text(ipip), 'ipip remote any local 192.0.2.1');
  assert.equal(tunnelRules('vxlan')!.text(vxlan), 'vxlan id 5 local 192.0.2.1 dev eth0 dstport 8472');
});
