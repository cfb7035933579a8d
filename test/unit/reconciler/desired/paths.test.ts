/** How long an earlier path is kept, and which path a lease names. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease, LeaseAttrs } from '../../../../config/model.ts';
import { pathOf } from '../../../../reconciler/backends/index.ts';
import { vxlanPath } from '../../../../reconciler/backends/vxlan.ts';
import { EarlierPaths, pathTimes, SETTLE } from '../../../../reconciler/desired/paths.ts';
import { peerOf } from '../../../helpers/desired.ts';

const vxlan = (vni: number) => ({ type: 'vxlan', path: vxlanPath(vni) });
const HOST_GW = { type: 'host-gw', path: 'host-gw' };
const on = (vni: number | undefined): LeaseAttrs => ({
  ...peerOf(7).attrs,
  backendData: vni === undefined ? { VtepMAC: '02:00:00:00:00:07' } : { VNI: vni, VtepMAC: '02:00:00:00:00:07' },
});
const direct: LeaseAttrs = { ...on(1), backendType: 'host-gw', backendData: undefined };
const lease = (attrs: LeaseAttrs): Lease => ({ ...peerOf(7), attrs });

describe('the path that a lease names', () => {
  it('is its backend, and its VNI', () => {
    assert.equal(pathOf(on(5), [vxlan(1)]), 'vxlan 5');
    assert.equal(pathOf(direct, [vxlan(1)]), 'host-gw');
    assert.equal(
      pathOf({ ...on(5), backendData: { vni: 6 } }, [vxlan(1)]),
      'vxlan 6',
      'whatever the case, as Go reads it',
    );
  });

  it("is the first vxlan one of the host's if it names no VNI", () => {
    assert.equal(pathOf(on(undefined), [vxlan(5), vxlan(1)]), 'vxlan 5');
    assert.equal(pathOf(on(undefined), [HOST_GW, vxlan(1)]), 'vxlan 1');
    assert.equal(pathOf(on(undefined), [HOST_GW]), 'vxlan');
  });

  it('has the 16 bits of the VNI that leases keep', () => {
    assert.equal(vxlanPath(0x10005), pathOf(on(5), []));
  });
});

describe('earlier paths', () => {
  const GRACE = 600_000;
  const since = (at: number) => {
    const paths = new EarlierPaths<{ type: string; path: string }>(pathTimes(GRACE));
    paths.add(vxlan(1));
    paths.review(on(5), [lease(on(1))], vxlan(5), at);
    return paths;
  };
  const names = (paths: EarlierPaths<{ path: string; type: string }>) => paths.owners.map(({ path }) => path);

  it('stay for ever as long as our own lease names them', () => {
    const paths = new EarlierPaths<{ type: string; path: string }>(pathTimes(GRACE));
    paths.add(vxlan(1));
    for (const now of [0, 10 * GRACE]) paths.review(on(1), [], vxlan(5), now);
    assert.deepEqual([names(paths), paths.nextEnd()], [['vxlan 1'], Number.POSITIVE_INFINITY]);
  });

  it('stay for the grace while a lease can not be read: it may name any of them', () => {
    const paths = new EarlierPaths<{ type: string; path: string }>(pathTimes(GRACE));
    paths.add(vxlan(1));
    for (const now of [0, 2 * SETTLE, GRACE - 1]) paths.review(on(5), [], vxlan(5), now, true);
    assert.deepEqual([names(paths), paths.nextEnd()], [['vxlan 1'], GRACE]);
    paths.review(on(5), [], vxlan(5), GRACE - 1);
    assert.equal(paths.nextEnd(), GRACE, 'and a while longer once it was read');
    paths.review(on(5), [], vxlan(5), GRACE, true);
    assert.deepEqual(names(paths), []);
  });

  it('stay until our own lease has moved on and been read: who does not know its path reaches us on an earlier one', () => {
    const paths = new EarlierPaths<{ type: string; path: string }>(pathTimes(GRACE));
    paths.add(vxlan(3), 0);
    paths.add(vxlan(4));
    const now = 4 * SETTLE;
    paths.review(on(4), [], HOST_GW, now);
    assert.deepEqual(names(paths), ['vxlan 4', 'vxlan 3'], 'nobody names 3, but who knows 4?');
    paths.review(direct, [], HOST_GW, now);
    assert.deepEqual([names(paths), paths.nextEnd()], [['vxlan 4', 'vxlan 3'], now + SETTLE]);
    paths.review(direct, [], HOST_GW, now + SETTLE);
    assert.deepEqual(names(paths), []);
  });

  it('stay for the grace while somebody names them, from when our lease has left them', () => {
    const paths = since(1000);
    assert.equal(paths.nextEnd(), 1000 + GRACE);
    paths.review(on(5), [lease(on(1))], vxlan(5), 999 + GRACE);
    assert.deepEqual(names(paths), ['vxlan 1']);
    paths.review(on(5), [lease(on(1))], vxlan(5), 1000 + GRACE);
    assert.deepEqual(names(paths), []);
    assert.equal(paths.nextEnd(), Number.POSITIVE_INFINITY);
  });

  it('go a little after nobody names them any more, counted anew if somebody does again', () => {
    const paths = since(0);
    paths.review(on(5), [lease(on(5))], vxlan(5), 1000);
    assert.equal(paths.nextEnd(), 1000 + SETTLE);
    paths.review(on(5), [lease(on(1))], vxlan(5), 2000);
    paths.review(on(5), [lease(on(5))], vxlan(5), 3000);
    paths.review(on(5), [], vxlan(5), 2999 + SETTLE);
    assert.deepEqual(names(paths), ['vxlan 1']);
    paths.review(on(5), [], vxlan(5), 3000 + SETTLE);
    assert.deepEqual(names(paths), []);
  });

  it('are no earlier ones when the config comes back to them, and the last one left comes first', () => {
    const paths = since(0);
    paths.add(HOST_GW);
    assert.deepEqual(names(paths), ['host-gw', 'vxlan 1']);
    paths.remove('vxlan 1');
    assert.deepEqual(names(paths), ['host-gw']);
  });

  it('are known to the next process by when our lease left them', () => {
    assert.deepEqual(since(1000).left, { 'vxlan 1': 1000 });
    const next = () => {
      const paths = new EarlierPaths<{ type: string; path: string }>(pathTimes(GRACE));
      paths.add(vxlan(1), 1000);
      return paths;
    };
    const unnamed = next();
    unnamed.review(on(5), [], vxlan(5), 3000);
    assert.equal(unnamed.nextEnd(), 1000 + SETTLE);
    const named = next();
    named.review(on(5), [lease(on(1))], vxlan(5), 3000);
    assert.equal(named.nextEnd(), 1000 + GRACE);
    const back = next();
    back.review(on(1), [], vxlan(5), 3000);
    assert.deepEqual(back.left, {});
  });

  it('are let go of at once with a grace of 0', () => {
    const paths = new EarlierPaths<{ type: string; path: string }>(pathTimes(0));
    paths.add(vxlan(1));
    paths.review(on(5), [lease(on(1))], vxlan(5), 1);
    assert.deepEqual(names(paths), []);
  });
});
