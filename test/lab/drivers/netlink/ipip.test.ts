/** An ipip device on the kernel at hand, which may lack the module: then somebody is told what to load, and it is tried again. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { everything } from '../../../../reconciler/contracts/scope.ts';
import type { Link } from '../../../../reconciler/kinds/index.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import { create, fixture, interest, results, UPLINK_ADDRESS } from './fixture.ts';

after(destroyAll);

const device: Link = {
  kind: 'link',
  name: 'flannel.ipip',
  type: 'ipip',
  up: true,
  mac: '',
  mtu: 1480,
  alias: 'selvage:/coreos.com/network',
  master: '',
  rpFilter: 2,
  tunnel: { type: 'ipip', local: UPLINK_ADDRESS, remote: '' },
};

test('an ipip device is made and found again, or its module is asked for', async (t) => {
  const f = await fixture('ipip');
  t.after(f.close);
  // Asked of iproute2, not of what is tested.
  const hasModule = await f.ns.ip('link', 'add', 'probe', 'type', 'ipip', 'local', '192.0.2.200').then(
    () => true,
    () => false,
  );
  const outcomes = await f.driver.apply([create(device)]);
  const { haves } = await f.driver.list(everything(), { ...interest, devices: ['flannel.ipip'] });
  const found = haves.find((have) => have.kind === 'link' && have.name === 'flannel.ipip');
  if (hasModule) {
    assert.deepEqual(results(outcomes), ['done']);
    assert.deepEqual(found, device);
    return;
  }
  assert.deepEqual(results(outcomes), ['transient EOPNOTSUPP']);
  assert.equal(
    outcomes[0]?.failure?.message,
    'link flannel.ipip was not created: this kernel has no ipip devices; load its module (modprobe ipip), or set Backend.Type to another (EOPNOTSUPP, "Unknown device type").',
  );
  assert.equal(found, undefined);
});
