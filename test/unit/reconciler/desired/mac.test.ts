import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseMac, deriveMac, vtepMac } from '../../../../reconciler/desired/mac.ts';

const host = { publicIP: '192.168.64.3', seed: 1, prefix: '/coreos.com/network' };

describe('deriveMac', () => {
  it('is the same for ever: peers have it in their tables', () => {
    assert.equal(deriveMac(host), deriveMac({ ...host }));
    assert.equal(deriveMac(host), '96:56:1f:b9:93:c9');
  });

  it('is another for another host, VNI or prefix', () => {
    const macs = [host, { ...host, publicIP: '192.168.64.4' }, { ...host, seed: 2 }, { ...host, prefix: '/x' }].map(
      deriveMac,
    );
    assert.equal(new Set(macs).size, 4);
  });

  it('is locally administered and unicast', () => {
    for (let seed = 0; seed < 300; seed++) {
      const mac = deriveMac({ ...host, seed });
      assert.equal(Number.parseInt(mac.slice(0, 2), 16) & 3, 2, mac);
      assert.equal(vtepMac(mac), mac);
    }
  });
});

describe('chooseMac', () => {
  const [lease, device, derived] = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'];

  it("takes the lease's, else the device's, else the derived one", () => {
    assert.equal(chooseMac({ leaseMac: lease, deviceMac: device, derived }), lease);
    assert.equal(chooseMac({ deviceMac: device, derived }), device);
    assert.equal(chooseMac({ derived }), derived);
  });

  it('passes over what no VTEP can have', () => {
    for (const bad of [
      '',
      'x',
      '00:00:00:00:00:00',
      '01:00:5e:00:00:01',
      '02:00:00:00:00',
      '02:00-00:00:00:01',
      7,
      null,
    ]) {
      assert.equal(chooseMac({ leaseMac: bad, deviceMac: device, derived }), device, String(bad));
    }
    assert.equal(vtepMac('02-AB-00-00-00-01'), '02:ab:00:00:00:01');
  });
});
