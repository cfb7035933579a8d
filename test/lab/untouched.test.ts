/**
 * What is not ours stays byte for byte as it is, whatever selvage does on the host; and a drift report changes nothing at all.
 * Judged from whole dumps of the host, one line an object, not from what selvage says.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { dumpHost } from '../helpers/dump.ts';
import { eventually } from '../helpers/eventually.ts';
import { DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { fakePeer } from '../helpers/leases.ts';
import { labWithPeers, peerAt } from '../helpers/peers.ts';
import { assertInSync, converged, daemonOn, holds, repair } from '../helpers/scenario.ts';

const peers = Array.from({ length: 4 }, (_, index) => peerAt(index));
/** 10.5.243.0 as a number: an id such as selvage itself would choose. */
const TAKEN_ID = 0x0a05f300;

/** Of every kind, on devices of every kind, inside the network and outside. */
const FOREIGN_IP = [
  'link add docker0 up type bridge',
  'address add 10.5.241.1/24 dev docker0',
  'link add flannel.9 up type bridge',
  'address add 10.5.149.1/32 dev flannel.9',
  'link add veth1 up type veth peer name veth2',
  'link set veth2 master docker0 up',
  'link add vx77 up type vxlan id 77 dstport 4789 dev eth0',
  'link add flannel.4 up type vxlan id 4 dstport 8472 dev eth0',
  'address add 172.30.4.0/32 dev flannel.4',
  'link add flannel.5 up type vxlan id 5 dstport 8472 dev eth0',
  'link set flannel.5 alias "selvage:/another/network"',
  'address add 10.5.155.0/32 dev flannel.5',
  'route add 198.51.100.0/24 via 192.168.64.1 dev eth0 proto bird',
  'route add 198.51.101.0/24 via 192.168.64.1 dev eth0 proto 115',
  'route add 10.5.240.0/24 via 192.168.64.1 dev eth0 proto static',
  'route add 10.5.242.0/24 dev vx77 proto boot',
  'route add blackhole 10.5.244.0/24 proto static',
  'route add 10.5.245.0/24 via 10.5.245.0 dev flannel.5 onlink proto boot',
  'route add 172.30.5.0/24 via 172.30.5.0 dev flannel.4 onlink proto boot',
  `route add ${peers[0]!.subnet} via 192.168.64.1 dev eth0 proto static metric 50`,
  // Of a network of somebody else's: one inside ours would lead packets astray, which is told and no success.
  'route add 10.6.201.0/24 via 192.168.64.1 dev eth0 proto static table 100',
  'rule add to 10.5.0.0/16 table 100 priority 9000',
  'neighbour add 192.168.64.201 lladdr 02:00:00:00:00:01 dev eth0 nud permanent',
  'neighbour add 10.5.241.9 lladdr 02:00:00:00:00:02 dev docker0 nud permanent proto 115',
  'neighbour add 10.5.245.0 lladdr 02:00:00:00:00:03 dev flannel.5 nud permanent',
  'nexthop add id 7 via 192.168.64.1 dev eth0 proto static',
  'nexthop add id 8 group 7',
  `nexthop add id ${TAKEN_ID} via 192.168.64.1 dev eth0 proto static`,
  'nexthop add id 9 via 192.168.64.1 dev eth0 proto 115',
  'route add 198.51.102.0/24 nhid 7 proto static',
];
const FOREIGN_FDB = [
  'fdb add 02:00:00:00:00:21 dev veth2 master static',
  'fdb add 02:00:00:00:00:22 dev vx77 dst 192.168.64.77 self permanent',
  'fdb add 02:00:00:00:00:23 dev flannel.4 dst 192.168.64.77 self permanent',
  'fdb add 02:00:00:00:00:24 dev flannel.5 dst 192.168.64.77 self permanent',
];
/** On our own device. */
const ON_OURS_IP = [
  'address add 192.0.2.7/32 dev flannel.1',
  'route add 172.29.0.0/16 via 172.29.0.1 dev flannel.1 onlink proto static',
  'route add 10.6.202.0/24 via 172.29.0.1 dev flannel.1 onlink table 100',
  'neighbour add 172.29.0.1 lladdr 02:00:00:00:00:31 dev flannel.1 nud permanent',
];
const ON_OURS_FDB = [
  'fdb append 00:00:00:00:00:00 dev flannel.1 dst 192.168.64.77 self permanent',
  'fdb add 00:16:3e:00:00:41 dev flannel.1 dst 192.168.64.77 self permanent',
  'fdb add 01:00:5e:00:00:fb dev flannel.1 dst 192.168.64.77 self permanent',
];

/** Every object of the host, one line each. */
async function objectsOf(host: LabHost): Promise<string[]> {
  const dump = await dumpHost(host.ns);
  return Object.entries(dump).flatMap(([kind, all]) => all.map((one: object) => `${kind} ${JSON.stringify(one)}`));
}

const minus = (a: readonly string[], b: readonly string[]): string[] => {
  const there = new Set(b);
  return a.filter((line) => !there.has(line));
};

/** Another instance's, or the first one's: by device, protocol and network. */
const isOf = (dev: string, network: string) => (line: string) =>
  line.includes(`"${dev}"`) || (line.startsWith('nexthops') && line.includes(`"gateway":"${network}`));

describe('what is not ours', () => {
  let lab: Lab;
  let host: LabHost;
  /** Before selvage ever ran there. */
  let foreign: string[];
  /** What was added to our own device. */
  let onOurs: string[];
  const files = () => {
    const isOurs = (name: string) =>
      ['subnet.env', 'other.env', 'desired.json', 'control.sock'].includes(name) || /^daemon-.*\.lock$/.test(name);
    const names = readdirSync(host.folder).filter((name) => !isOurs(name));
    return names.sort().map((name) => [name, readFileSync(join(host.folder, name), 'utf8')]);
  };

  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await lab.putConfig({ Network: '10.6.0.0/16', Backend: { Type: 'vxlan', VNI: 2 } }, '/other/network');
    await lab.putPeers(peers);
    await lab.putPeers([fakePeer(9, '10.6.200.0')], '/other/network');
    // One by one: in a batch iproute2 6.1 mistakes one name of a protocol for another.
    for (const command of FOREIGN_IP)
      await host.ip(...(command.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', '')));
    await host.ns.bridgeBatch(FOREIGN_FDB);
    writeFileSync(join(host.folder, '.subnet.env'), 'somebody else\n');
    writeFileSync(join(host.folder, 'subnet.env.bak'), 'FLANNEL_SUBNET=10.5.1.1/24\n');
    const settled = async () => (await host.ns.ipJson('link', 'show', 'docker0'))[0]?.operstate === 'UP';
    await eventually(settled, { what: 'docker0 to be up' });
    foreign = await objectsOf(host);
    assert.ok(foreign.length > FOREIGN_IP.length);
  });

  async function assertUntouched(): Promise<string[]> {
    const now = await objectsOf(host);
    assert.deepEqual(minus(foreign, now), [], 'gone or changed');
    assert.deepEqual(minus(onOurs ?? [], now), [], 'gone or changed on flannel.1');
    const more = minus(now, [...foreign, ...(onOurs ?? [])]);
    const strange = more.filter((line) => !isOf('flannel.1', '10.5.')(line) && !isOf('flannel.2', '10.6.')(line));
    assert.deepEqual(strange, [], 'made by nobody');
    assert.deepEqual(files(), [
      ['.subnet.env', 'somebody else\n'],
      ['subnet.env.bak', 'FLANNEL_SUBNET=10.5.1.1/24\n'],
    ]);
    return more;
  }

  it('stays when selvage sets the host up', async () => {
    const report = await repair(host);
    const expected = [
      'docker docker0: not on the subnet',
      'link flannel.4: unmarked device',
      'link flannel.9: foreign device',
    ];
    assert.deepEqual(holds(report), expected);
    assert.ok((await assertUntouched()).length > 4 * peers.length);

    const before = await objectsOf(host);
    await host.ns.ipBatch(ON_OURS_IP);
    await host.ns.bridgeBatch(ON_OURS_FDB);
    const [added, replaced] = [minus(await objectsOf(host), before), minus(before, await objectsOf(host))];
    // The address is part of its link's line.
    assert.deepEqual(
      replaced.map((line) => line.split(' ')[0]),
      ['addresses'],
    );
    onOurs = added;
    assert.ok(added.length >= ON_OURS_FDB.length + ON_OURS_IP.length);
  });

  it('stays, on our own device too, when that is repaired', async () => {
    await assertInSync(host);
    await host.ns.ipBatch([
      `route del ${peers[0]!.subnet} proto 115`,
      `neighbour del ${peers[1]!.subnet.split('/')[0]} dev flannel.1`,
    ]);
    await repair(host);
    await assertUntouched();
  });

  it('stays when a second instance works on the host, which neither touches', async () => {
    const other = ['--etcd-prefix=/other/network', `--subnet-file=${join(host.folder, 'other.env')}`];
    const before = await objectsOf(host);
    await repair(host, other);
    assert.deepEqual(minus(before, await objectsOf(host)), []);
    await assertUntouched();
    await assertInSync(host);
    await assertInSync(host, other);

    const second = (await objectsOf(host)).filter(isOf('flannel.2', '10.6.'));
    assert.ok(second.length > 4);
    await host.ns.ipBatch(['link set flannel.1 mtu 1300']);
    await repair(host);
    assert.deepEqual(minus(second, await objectsOf(host)), []);
    await assertInSync(host, other);
  });

  it('stays under a daemon that repairs and cleans up', async () => {
    const daemon = await daemonOn(host);
    try {
      await lab.deletePeer(peers[3]!);
      await converged(host, daemon, peers.length);
      await host.ip('route', 'del', peers[0]!.subnet, 'proto', '115');
      await eventually(async () => (await host.ip('route', 'show', peers[0]!.subnet)).includes('proto 115'), {
        what: 'the route',
      });
      assert.equal(
        (await objectsOf(host)).some((line) => line.includes(peers[3]!.mac)),
        false,
      );
      await assertUntouched();
    } finally {
      await daemon.stop();
    }
    await assertUntouched();
  });

  it('stays when stale peers are cleaned up by a single run', async () => {
    await lab.deletePeer(peers[2]!);
    const { summary } = await repair(host);
    assert.equal(summary.delete, 4);
    await assertUntouched();
    await assertInSync(host);
  });

  it('stays when the VNI changes, but for what goes with the old device', async () => {
    await lab.putConfig({ ...DEFAULT_CONFIG, Backend: { Type: 'vxlan', VNI: 6 } });
    // It is kept at first, as long as our own lease still names it.
    await repair(host);
    const report = await repair(host, ['--migration-grace=0']);
    // Then it stays because somebody has given it an address, until that is taken away.
    assert.ok(holds(report).includes('link flannel.1: foreign address'), `held: ${holds(report)}`);
    assert.deepEqual(minus(foreign, await objectsOf(host)), []);
    await host.ip('address', 'del', '192.0.2.7/32', 'dev', 'flannel.1');
    await repair(host, ['--migration-grace=0']);
    const now = await objectsOf(host);
    assert.deepEqual(minus(foreign, now), []);
    assert.deepEqual(
      now.filter((line) => line.includes('"flannel.1"')),
      [],
    );
    assert.ok(now.some((line) => line.includes('"flannel.6"')));
  });

  it('stays when the Network changes, though inside the old one', async () => {
    await lab.putConfig({ Network: '10.8.0.0/16', Backend: { Type: 'vxlan', VNI: 6 } });
    await repair(host);
    const now = await objectsOf(host);
    assert.deepEqual(minus(foreign, now), []);
    const left = minus(now, foreign).filter((line) => line.includes('10.5.'));
    assert.deepEqual(left, []);
  });
});

describe('a drift report changes nothing', () => {
  let lab: Lab;
  let host: LabHost;
  before(async () => {
    ({ lab, host } = await labWithPeers(4));
  });
  after(() => lab?.destroy());

  const everything = async () => ({
    dump: await host.dump(),
    revision: await lab.revision(),
    leases: await lab.etcd.etcdctl('lease', 'list'),
    files: readdirSync(host.folder).map((name) => [name, readFileSync(join(host.folder, name), 'utf8')]),
  });

  const cases: [what: string, prepare: () => unknown, code: number][] = [
    ['on a host without a lease', () => {}, 2],
    ['on a host in sync', () => repair(host), 0],
    ['on a host without its device', () => host.ip('link', 'del', 'flannel.1'), 2],
    [
      'on a host with everything wrong',
      async () => {
        await repair(host);
        await host.ns.ipBatch([
          `route del ${peers[0]!.subnet}`,
          'link set flannel.1 mtu 1300',
          'address add 10.5.150.0/32 dev flannel.1',
        ]);
        writeFileSync(host.subnetFile, 'FLANNEL_MTU=1\n');
        await lab.deletePeer(peers[1]!);
      },
      2,
    ],
    [
      'while its lease does not fit the config',
      () => lab.putConfig({ Network: '10.8.0.0/16', Backend: { Type: 'vxlan' } }),
      2,
    ],
    ['with a config that nobody can read', () => lab.putConfig('{"Network":'), 78],
    ['without a config', () => lab.delete(`${PREFIX}/config`), 78],
  ];
  for (const [what, prepare, expected] of cases) {
    it(what, async () => {
      await prepare();
      const before = await everything();
      const { code, stderr } = await host.selvage(['drift']);
      assert.equal(code, expected, stderr);
      assert.deepEqual(await everything(), before);
    });
  }
});
