/** What a mark or a live lease proves ours is ours, whatever somebody has made of it, and every attribute that packets depend on is compared. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { fdb, LINK, type Peer, peerAt, route } from '../helpers/peers.ts';
import { assertDrift, assertInSync, daemonOn, driftIds, holds, repair, stateOf } from '../helpers/scenario.ts';

/** More than a scoped round would look at by itself. */
const PEERS = 55;
const DEVICE = 'type vxlan id 1 dev eth0 dstport 8472 nolearning';

const damages: { what: string; act: (peer: Peer) => string[]; drift: (peer: Peer) => string }[] = [
  {
    what: 'our device under another name',
    act: () => ['link set flannel.1 down', 'link set flannel.1 name odd7', 'link set odd7 up'],
    drift: () => LINK,
  },
  {
    what: 'a namesake without our mark',
    act: () => ['link del flannel.1', `link add flannel.1 ${DEVICE}`],
    drift: () => LINK,
  },
  { what: 'arp off', act: () => ['link set flannel.1 arp off'], drift: () => LINK },
  { what: 'another TTL', act: () => ['link set flannel.1 type vxlan ttl 1'], drift: () => LINK },
  { what: 'DF in the outer header', act: () => ['link set flannel.1 type vxlan df set'], drift: () => LINK },
];
const entries: { what: string; act: (peer: Peer) => string }[] = [
  {
    what: 'a port',
    act: ({ mac, publicIP }) => `fdb replace ${mac} dev flannel.1 dst ${publicIP} port 9999 self permanent`,
  },
  {
    what: 'a VNI',
    act: ({ mac, publicIP }) => `fdb replace ${mac} dev flannel.1 dst ${publicIP} vni 9 self permanent`,
  },
  {
    what: 'a device',
    act: ({ mac, publicIP }) => `fdb replace ${mac} dev flannel.1 dst ${publicIP} via eth0 self permanent`,
  },
];

describe('ours by its mark', () => {
  let lab: Lab;
  let host: LabHost;
  let good: string;
  const peers = Array.from({ length: PEERS }, (_, index) => peerAt(index));
  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await lab.putPeers(peers);
    await repair(host);
    good = await seen();
  });

  /** But for the device itself, whose attributes the drift report compares: iproute2's have some of their own. */
  const seen = async () =>
    (await stateOf(host))
      .split('\n')
      .filter((line) => !line.startsWith('{"ifname"'))
      .join('\n');
  const onGroup = async ({ mac, publicIP }: Peer) => {
    await host.ns.ipBatch([`nexthop add id 77 via ${publicIP} fdb`, 'nexthop add id 78 group 77 fdb']);
    await host.ns.bridgeBatch([`fdb del ${mac} dev flannel.1`, `fdb add ${mac} dev flannel.1 nhid 78 self permanent`]);
  };
  const withoutGroup = () => host.ns.ipBatch(['nexthop del id 78', 'nexthop del id 77']);

  describe('without a watch', () => {
    for (const { what, act, drift } of damages)
      it(what, async () => {
        await host.ns.ipBatch(act(peers[0]!));
        await assertDrift(host, [drift(peers[0]!)]);
        await repair(host);
        assert.equal(await seen(), good);
        await assertInSync(host);
      });

    it('a stale device of ours on the port of our own, which is down and of another sort: that goes first', async () => {
      await host.ns.ipBatch([
        'link set flannel.1 down',
        'link add flannel.9 type vxlan id 9 dev eth0 dstport 8472 nolearning gbp',
        'link set flannel.9 alias selvage:/coreos.com/network up',
      ]);
      await assertDrift(host, ['link flannel.9', LINK]);
      await repair(host);
      assert.equal(await seen(), good);
    });

    for (const [index, { what, act }] of entries.entries())
      it(`an FDB entry with ${what}, of a MAC that a lease names`, async () => {
        await host.ns.bridgeBatch([act(peers[index]!)]);
        await assertDrift(host, [fdb(peers[index]!)]);
        await repair(host);
        assert.equal(await seen(), good);
      });

    it('an FDB entry on a nexthop group, of a MAC that a lease names', async () => {
      await onGroup(peers[3]!);
      await assertDrift(host, [fdb(peers[3]!)]);
      await repair(host);
      await withoutGroup();
      assert.equal(await seen(), good);
    });

    it('our route behind a foreign one stays, and is right the moment that one goes', async () => {
      const peer = peers[5]!;
      await host.ns.ipBatch([`route prepend ${peer.subnet} via 192.168.64.1 dev eth0 proto static`]);
      for (const args of [['drift'], ['--once'], ['drift']]) {
        const { report } = await host.report(args);
        assert.deepEqual([driftIds(report), holds(report)], [[], [`${route(peer)}: foreign route`]]);
      }
      await host.ns.ipBatch([`route del ${peer.subnet} proto static`]);
      assert.equal(await seen(), good, 'nobody had to make it again');
      await assertInSync(host);
    });
  });

  describe('by edges alone', () => {
    let daemon: Daemon;
    before(async () => {
      daemon = await daemonOn(host);
    });
    after(async () => {
      await daemon.kill();
    });
    const heals = () => eventually(async () => (await seen()) === good, { what: 'the repair', timeout: 25_000 });

    for (const { what, act } of damages)
      it(what, async () => {
        // Between two lines of it the daemon may be quicker: then it is done again.
        await eventually(() => host.ns.ipBatch(act(peers[10]!)).then(() => true), { what, timeout: 30_000 });
        await heals();
        // Who undoes one device so often within ten seconds is made to wait (reconciler/plan/contest.ts).
        await eventually(async () => (await host.report(['drift'])).code === 0, { what: 'no drift', timeout: 60_000 });
      });
    for (const [index, { what, act }] of entries.entries())
      it(`an FDB entry with ${what}`, async () => {
        await host.ns.bridgeBatch([act(peers[20 + index]!)]);
        await heals();
      });
  });
});
