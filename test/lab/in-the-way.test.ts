/** What somebody else has put where selvage wants something of its own is held and said, never overwritten, and taken over when it goes. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { LINK, nexthop, type Peer, peerAt, route } from '../helpers/peers.ts';
import { assertInSync, converged, daemonOn, EDGES_ONLY, holds, repair, stateOf } from '../helpers/scenario.ts';

const peers = Array.from({ length: 5 }, (_, index) => peerAt(index));

describe('what somebody else has put in the way', () => {
  let lab: Lab;
  let host: LabHost;
  let good: string;

  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await lab.putPeers(peers);
    await repair(host);
    good = await stateOf(host);
  });

  interface Obstacle {
    what: string;
    peer: Peer;
    put: (peer: Peer) => string;
    /** What the kernel shows of it, which has to stay as it is. */
    show: (peer: Peer) => string[];
    remove: (peer: Peer) => string;
    held: (peer: Peer) => string;
  }
  const obstacles: Obstacle[] = [
    {
      what: 'a foreign route that replaced ours',
      peer: peers[0]!,
      put: ({ subnet }) => `route replace ${subnet} via 192.168.64.1 dev eth0 proto static`,
      show: ({ subnet }) => ['route', 'show', subnet],
      remove: ({ subnet }) => `route del ${subnet} proto static`,
      held: (peer) => `${route(peer)}: foreign route`,
    },
    {
      what: 'the connected route of a bridge on the subnet of a peer',
      peer: peers[1]!,
      put: ({ subnet, vtep }) =>
        `route del ${subnet}; link add docker9 up type bridge; address add ${vtep.replace(/0$/, '1')}/24 dev docker9`,
      show: ({ subnet }) => ['route', 'show', subnet],
      remove: () => 'link del docker9',
      held: (peer) => `${route(peer)}: foreign route`,
    },
    {
      what: 'a device of that name with another VNI',
      peer: peers[2]!,
      put: () =>
        'link del flannel.1; link add flannel.1 up type vxlan id 99 dstport 4789 dev eth0; address add 10.99.0.0/32 dev flannel.1',
      show: () => ['-d', 'link', 'show', 'flannel.1'],
      remove: () => 'link del flannel.1',
      held: () => `${LINK}: foreign device`,
    },
    {
      what: 'a device of another name with our VNI and port',
      peer: peers[3]!,
      put: () => 'link del flannel.1; link add mine up type vxlan id 1 dstport 8472 dev eth0',
      show: () => ['-d', 'link', 'show', 'mine'],
      remove: () => 'link del mine',
      held: () => `${LINK}: foreign device`,
    },
  ];
  // What a case that failed has left behind must not fail the next ones.
  beforeEach(async () => {
    if ((await stateOf(host)) === good) return;
    for (const { peer, remove } of obstacles) await host.ns.ipBatch([remove(peer)]).catch(() => {});
    await repair(host);
  });
  for (const { what, peer, put, show, remove, held } of obstacles) {
    it(`${what}, without a watch`, async () => {
      await host.ns.ipBatch(put(peer).split('; '));
      const there = await host.ip(...show(peer));
      for (const args of [['--once'], ['drift'], ['--once']]) {
        const { code, report } = await host.report(args);
        assert.equal(code, 1, `${args}: ${JSON.stringify(report.drift)}`);
        assert.ok(holds(report).includes(held(peer)), holds(report).join(', '));
        assert.equal(await host.ip(...show(peer)), there);
      }
      await host.ns.ipBatch([remove(peer)]);
      await repair(host);
      await assertInSync(host);
      assert.equal(await stateOf(host), good);
    });

    it(`${what}, with edges`, async () => {
      // In several steps: the daemon would be quicker than the next one.
      const isOneStep = !put(peer).includes(';');
      if (!isOneStep) await host.ns.ipBatch(put(peer).split('; '));
      const daemon = isOneStep ? await daemonOn(host) : host.startDaemon([EDGES_ONLY]);
      try {
        if (isOneStep) await host.ns.ipBatch([put(peer)]);
        const there = await host.ip(...show(peer));
        await eventually(async () => holds((await host.lastReport())!).includes(held(peer)), { what: held(peer) });
        assert.equal(await host.ip(...show(peer)), there);
        await host.ns.ipBatch([remove(peer)]);
        await eventually(async () => (await stateOf(host)) === good, { what: 'the repair' });
        await converged(host, daemon);
        await assertInSync(host);
      } finally {
        assert.equal(await daemon.stop(), 0);
      }
    });
  }

  it("somebody else's nexthop under our id: the route goes without, and stays right when it is gone", async () => {
    const peer = peers[4]!;
    await host.ip(...`nexthop replace id ${peer.id} via 192.168.64.1 dev eth0 proto static`.split(' '));
    const report = await repair(host);
    assert.ok(holds(report).includes(`${nexthop(peer)}: foreign nexthop`), holds(report).join(', '));
    const [plain] = await host.ns.ipJson('route', 'show', peer.subnet);
    assert.deepEqual([plain?.gateway, plain?.dev, plain?.nhid], [peer.vtep, 'flannel.1', undefined]);
    await assertInSync(host);
    const [foreign] = await host.ns.ipJson('nexthop', 'show', 'id', peer.id);
    assert.deepEqual([foreign?.gateway, foreign?.protocol], ['192.168.64.1', 'static']);
    await host.ip('nexthop', 'del', 'id', peer.id);
    await assertInSync(host);
  });

  it('who undoes a repair again and again is not fought at event speed, but said; a single run still repairs', async () => {
    const { subnet } = peers[0]!;
    const daemon = await daemonOn(host);
    const rival = host.ns.spawn('sh', [
      '-c',
      `while :; do ip route del ${subnet} proto 115 2>/dev/null; sleep 0.05; done`,
    ]);
    try {
      const about = `${route(peers[0]!)}: contested`;
      await eventually(async () => holds((await host.lastReport())!).includes(about), { what: about });
      assert.match(daemon.log(), /Somebody else undoes what selvage does to route/);
      await eventually(async () => (await host.ip('route', 'show', subnet)) === '', { what: 'the rival to win' });
      rival.kill('SIGKILL');
      await repair(host);
      await assertInSync(host);
    } finally {
      rival.kill('SIGKILL');
      await daemon.kill();
    }
  });
});
