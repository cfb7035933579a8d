/**
 * What the kernel takes away without a word (reference kernel.md, first table), and what people do by hand, on a host in a network:
 * once without any watch (`drift` names it, `--once` mends it), once with nothing but edges (the daemon's level pass is switched off).
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { type FakePeer, fakePeer } from '../helpers/leases.ts';
import {
  assertDrift,
  assertInSync,
  converged,
  daemonOn,
  driftIds,
  EDGES_ONLY,
  holds,
  repair,
  stateOf,
} from '../helpers/scenario.ts';

/** Hosts take theirs from the lower half, so that peers can be made up in the upper one. */
const CONFIG = { Network: '10.5.0.0/16', SubnetMax: '10.5.99.0', Backend: { Type: 'vxlan' } };
const PEERS = 24;

interface Peer extends FakePeer {
  /** "10.5.200.0", and the id of its nexthop object. */
  vtep: string;
  id: string;
}

function peerAt(index: number): Peer {
  const peer = fakePeer(index, '10.5.200.0');
  const vtep = peer.subnet.split('/')[0]!;
  return { ...peer, vtep, id: String(Buffer.from(vtep.split('.').map(Number)).readUInt32BE()) };
}

interface Loss {
  what: string;
  /** Each case has a peer of its own, so that none of them is taken for a contest. */
  act: (host: LabHost, peer: Peer) => unknown;
  /** What the drift report must name. */
  drift: (peer: Peer, host: LabHost) => string[];
}

const byIp = (command: (peer: Peer, host: LabHost) => string) => (host: LabHost, peer: Peer) =>
  host.ns.ipBatch(command(peer, host).split('; '));
const byBridge = (command: (peer: Peer) => string) => (host: LabHost, peer: Peer) =>
  host.ns.bridgeBatch([command(peer)]);

const route = (peer: Peer) => `route 254|${peer.subnet}|0|0`;
const neighbour = (peer: Peer) => `neighbour flannel.1|${peer.vtep}`;
const fdb = (peer: Peer) => `fdb flannel.1|${peer.mac}`;
const nexthop = (peer: Peer) => `nexthop ${peer.id}`;
const LINK = 'link flannel.1';
const file = (host: LabHost) => `file ${host.subnetFile}`;
const ownAddress = (host: LabHost) => `${host.containerAddress.replace(/\d+$/, '0')}/32`;

const OF_LINK: Loss[] = [
  {
    what: 'flannel.1 is set down: routes, ARP and nexthops go without an event',
    act: byIp(() => 'link set flannel.1 down'),
    drift: (peer) => [LINK, route(peer), neighbour(peer), nexthop(peer)],
  },
  {
    what: 'flannel.1 is set down and up at once',
    act: byIp(() => 'link set flannel.1 down; link set flannel.1 up'),
    drift: (peer) => [route(peer), neighbour(peer), nexthop(peer)],
  },
  {
    what: 'flannel.1 is deleted, and all on it',
    act: byIp(() => 'link delete flannel.1'),
    drift: (peer, host) => [
      LINK,
      `address flannel.1|${ownAddress(host)}`,
      route(peer),
      neighbour(peer),
      fdb(peer),
      nexthop(peer),
    ],
  },
  {
    what: 'its MAC is changed in place, which flushes its ARP',
    act: byIp(() => 'link set flannel.1 address 02:00:00:00:be:ef'),
    drift: (peer) => [LINK, neighbour(peer)],
  },
];

const ON_LINK: Loss[] = [
  { what: 'its MTU is changed', act: byIp(() => 'link set flannel.1 mtu 1300'), drift: () => [LINK] },
  { what: 'its alias is removed', act: byIp(() => 'link set flannel.1 alias ""'), drift: () => [LINK] },
  {
    what: 'its only address is deleted, and its ARP with it',
    act: byIp((_, host) => `address del ${ownAddress(host)} dev flannel.1`),
    drift: (peer, host) => [`address flannel.1|${ownAddress(host)}`, neighbour(peer)],
  },
  {
    what: 'it gets a second address inside the network',
    act: byIp(() => 'address add 10.5.150.0/32 dev flannel.1'),
    drift: () => ['address flannel.1|10.5.150.0/32'],
  },
];

const ON_PEER: Loss[] = [
  { what: 'a route is deleted', act: byIp(({ subnet }) => `route del ${subnet}`), drift: (peer) => [route(peer)] },
  {
    what: 'a route is replaced by one on the same device through somebody else',
    act: byIp(({ subnet }) => `route replace ${subnet} via 10.5.250.0 dev flannel.1 onlink`),
    drift: (peer) => [route(peer)],
  },
  {
    what: 'a nexthop is deleted, and its route without a word',
    act: byIp(({ id }) => `nexthop del id ${id}`),
    drift: (peer) => [nexthop(peer), route(peer)],
  },
  {
    what: 'a nexthop gets another gateway',
    act: byIp(({ id }) => `nexthop replace id ${id} via 10.5.250.0 dev flannel.1 onlink proto 115`),
    drift: (peer) => [nexthop(peer)],
  },
  {
    what: 'an ARP entry is deleted',
    act: byIp(({ vtep }) => `neighbour del ${vtep} dev flannel.1`),
    drift: (peer) => [neighbour(peer)],
  },
  {
    what: 'an ARP entry gets another MAC',
    act: byIp(({ vtep }) => `neighbour replace ${vtep} lladdr 02:00:00:00:be:ef dev flannel.1 nud permanent`),
    drift: (peer) => [neighbour(peer)],
  },
  {
    what: 'an ARP entry is no longer permanent',
    act: byIp(({ vtep, mac }) => `neighbour replace ${vtep} lladdr ${mac} dev flannel.1 nud reachable`),
    drift: (peer) => [neighbour(peer)],
  },
  {
    what: 'an FDB entry is deleted',
    act: byBridge(({ mac, publicIP }) => `fdb del ${mac} dev flannel.1 dst ${publicIP} self`),
    drift: (peer) => [fdb(peer)],
  },
  {
    what: 'an FDB entry gets another destination',
    act: byBridge(({ mac }) => `fdb replace ${mac} dev flannel.1 dst 172.31.0.1 self permanent`),
    drift: (peer) => [fdb(peer)],
  },
  {
    what: 'a peer that nobody wants is put there',
    act: async (host) => {
      await host.ip(
        'neighbour',
        'add',
        '10.5.251.0',
        'lladdr',
        '02:00:00:00:00:51',
        'dev',
        'flannel.1',
        'nud',
        'permanent',
      );
      await host.ns.bridgeBatch(['fdb add 02:00:00:00:00:51 dev flannel.1 dst 172.31.0.2 self permanent']);
      await host.ip('route', 'add', '10.5.251.0/24', 'via', '10.5.251.0', 'dev', 'flannel.1', 'onlink');
    },
    drift: () => ['neighbour flannel.1|10.5.251.0', 'fdb flannel.1|02:00:00:00:00:51', 'route 254|10.5.251.0/24'],
  },
];

/** At one go: the daemon is quick enough to write the file again between the two steps of `rm -r`. */
const moveAway = (folder: string) => renameSync(folder, `${folder}.${performance.now()}`);

const IN_FILE: Loss[] = [
  {
    what: 'subnet.env is edited',
    act: ({ subnetFile }) => writeFileSync(subnetFile, readFileSync(subnetFile, 'utf8').replace('1450', '9000')),
    drift: (_, host) => [file(host)],
  },
  { what: 'subnet.env is deleted', act: ({ subnetFile }) => rmSync(subnetFile), drift: (_, host) => [file(host)] },
  {
    what: 'subnet.env is deleted with its folder',
    act: ({ subnetFile }) => moveAway(dirname(subnetFile)),
    drift: (_, host) => [file(host)],
  },
  {
    what: 'subnet.env is a folder made anew and empty',
    act: ({ subnetFile }) => {
      moveAway(dirname(subnetFile));
      mkdirSync(dirname(subnetFile));
    },
    drift: (_, host) => [file(host)],
  },
];

/** A few to a daemon: who sets a link down six times in ten seconds is contesting it. */
const GROUPS = { OF_LINK, ON_LINK, ON_PEER, IN_FILE };
const peers = Array.from({ length: PEERS }, (_, index) => peerAt(index));

describe('what is lost on a host', () => {
  let lab: Lab;
  let host: LabHost;
  let other: LabHost;
  let good: string;

  before(async () => {
    lab = await createLab({ hosts: 2, config: CONFIG });
    [host, other] = lab.hosts as [LabHost, LabHost];
    await lab.putPeers(peers);
    await repair(host);
    await repair(other);
    await repair(host);
    await host.attachContainerNet();
    await other.attachContainerNet();
    good = await stateOf(host);
    assert.ok(await host.ping(other));
  });
  after(() => lab?.destroy());

  describe('without a watch', () => {
    for (const [index, { what, act, drift }] of Object.values(GROUPS).flat().entries()) {
      it(what, async () => {
        const names = drift(peers[index]!, host);
        await act(host, peers[index]!);
        await assertDrift(host, names);
        const report = await repair(host);
        for (const name of names)
          assert.ok(
            driftIds(report).some((id) => id.startsWith(name)),
            name,
          );
        await assertInSync(host);
        assert.equal(await stateOf(host), good);
      });
    }
  });

  for (const [group, losses] of Object.entries(GROUPS)) {
    describe(`with edges (${group})`, () => {
      let daemon: Daemon;
      before(async () => {
        daemon = await daemonOn(host);
      });
      after(async () => {
        assert.equal(await daemon?.stop(), 0);
      });
      for (const [index, { what, act }] of losses.entries()) {
        it(what, async () => {
          await act(host, peers[index]!);
          await eventually(async () => assert.equal(await stateOf(host), good) === undefined, { what: 'the repair' });
          await assertInSync(host);
        });
      }
      it('and then the hosts reach each other', async () => assert.ok(await host.ping(other)));
    });
  }

  describe('what looks like a change and is none', () => {
    const peer = peers[22]!;
    const nothings: { what: string; act: () => Promise<unknown> }[] = [
      {
        what: 'an ARP entry replaced by the same without our mark keeps it',
        act: () =>
          host.ip(...`neighbour replace ${peer.vtep} lladdr ${peer.mac} dev flannel.1 nud permanent`.split(' ')),
      },
      {
        what: 'a second destination for an FDB entry',
        act: () => host.ns.bridgeBatch([`fdb append ${peer.mac} dev flannel.1 dst 172.31.0.9 self permanent`]),
      },
      {
        what: 'an FDB entry deleted under the wrong destination',
        act: () => host.ns.bridgeBatch([`fdb del ${peer.mac} dev flannel.1 dst 172.31.0.9 self`]),
      },
      {
        what: 'a nexthop replaced by the same, which is announced',
        act: () =>
          host.ip(...`nexthop replace id ${peer.id} via ${peer.vtep} dev flannel.1 onlink proto 115`.split(' ')),
      },
      {
        what: 'another VNI, which the kernel refuses',
        act: () => assert.rejects(host.ip('link', 'set', 'flannel.1', 'type', 'vxlan', 'id', '2'), /Cannot change VNI/),
      },
    ];
    for (const { what, act } of nothings) {
      it(what, async () => {
        await act();
        assert.equal(await stateOf(host), good);
        await assertInSync(host);
      });
    }
  });

  describe('what somebody else has put in the way is held, and taken over when it goes', () => {
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
  });

  it('the external interface may go away and come back under a running daemon', async () => {
    const daemon = await daemonOn(host);
    const overlay = async () => (await host.ip('route', 'show', 'dev', 'flannel.1')).trim().split('\n').length;
    const newcomer = fakePeer(PEERS, '10.5.200.0');
    try {
      const routes = await overlay();
      await host.ip('link', 'set', 'eth0', 'down');
      await lab.putPeer(newcomer);
      await host.ip('link', 'set', 'eth0', 'up');
      assert.equal(await overlay(), routes);
      await host.ip('route', 'add', 'default', 'via', '192.168.64.1');
      await eventually(async () => (await overlay()) === routes + 1, { what: 'the lease of meanwhile to be followed' });
      await converged(host, daemon);
      await assertInSync(host);
      assert.ok(await host.ping(other));
    } finally {
      assert.equal(await daemon.stop(), 0);
    }
  });
});
