/**
 * What the kernel takes away without a word (docs/reference/kernel.md#silent-losses-and-quiet-successes), and what people do by hand, on a
 * host in a network: once without any watch (`drift` names it, `--once` mends it), once with nothing but edges (the daemon's level pass is
 * switched off).
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { fdb, LINK, neighbour, nexthop, type Peer, peerAt, route } from '../helpers/peers.ts';
import { assertDrift, assertInSync, daemonOn, driftIds, repair, stateOf } from '../helpers/scenario.ts';

const PEERS = 24;

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

  labWith({ hosts: 2 }, async (made) => {
    lab = made;
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
});
