import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readSysctl } from '../../../../drivers/host/sysctl.ts';
import { openNetlink } from '../../../../drivers/netlink/driver.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { createNetns, destroyAll } from '../../../helpers/netns.ts';

after(destroyAll);

test('interfaces with their addresses, default routes by metric', async (t) => {
  const ns = await createNetns('facts');
  const driver = openNetlink({ netns: ns.path });
  t.after(async () => {
    await driver.close();
    await ns.destroy();
  });
  await ns.ipBatch([
    'link add br0 address 02:00:00:00:00:01 mtu 1400 type bridge',
    'link add br1 address 02:00:00:00:00:02 type bridge',
    'link set br0 up',
    'address add 192.0.2.1/24 dev br0',
    'address add 192.0.2.2/24 dev br0 valid_lft 1000 preferred_lft 0',
    'address add 198.51.100.1/31 dev br0 scope link',
    'route add default via 192.0.2.254 metric 200',
    'route add default via 192.0.2.253 metric 100',
    'route add default metric 300 nexthop via 192.0.2.252 dev br0 nexthop via 192.0.2.251 dev br0',
    'route add unreachable default metric 400',
    'route add default via 192.0.2.250 table 100',
    'route add 203.0.113.0/24 via 192.0.2.254',
    'route add 198.18.0.0/24 dev br0',
    'route add 198.18.1.0/24 dev br0 table 100',
  ]);
  const { interfaces, linkRoutes, defaultRoutes } = driver.facts();
  const [lo, br0, br1] = interfaces;
  assert.deepEqual([lo?.name, lo?.loopback, lo?.addresses[0]?.address], ['lo', true, '127.0.0.1/8']);
  assert.deepEqual(br0, {
    name: 'br0',
    index: br0?.index,
    mac: '02:00:00:00:00:01',
    mtu: 1400,
    up: true,
    loopback: false,
    type: 'bridge',
    master: '',
    alias: '',
    carrier: false,
    looped: false,
    addresses: [
      { address: '198.51.100.1/31', scope: 'link', permanent: true, deprecated: false }, // the kernel's own order
      { address: '192.0.2.1/24', scope: 'global', permanent: true, deprecated: false },
      { address: '192.0.2.2/24', scope: 'global', permanent: false, deprecated: true },
    ],
  });
  assert.deepEqual([br1?.name, br1?.up, br1?.addresses], ['br1', false, []]);
  assert.deepEqual(linkRoutes.map(({ dev, dst }) => `${dst} ${dev}`).sort(), [
    '192.0.2.0/24 br0',
    '198.18.0.0/24 br0',
    '198.51.100.0/31 br0',
  ]);
  assert.deepEqual(defaultRoutes, [
    { dev: 'br0', gateway: '192.0.2.253', metric: 100 },
    { dev: 'br0', gateway: '192.0.2.254', metric: 200 },
    { dev: 'br0', gateway: '192.0.2.252', metric: 300 },
    { dev: 'br0', gateway: '192.0.2.251', metric: 300 },
  ]);
});

test('what tells an uplink from a thing of containers: kind, master, carrier, and where the other end of a veth is', async (t) => {
  const [ns, other] = await Promise.all([createNetns('facts'), createNetns('facts')]);
  const driver = openNetlink({ netns: ns.path });
  t.after(async () => {
    await driver.close();
    await Promise.all([ns.destroy(), other.destroy()]);
  });
  await ns.ipBatch([
    'link add br0 up type bridge',
    'link add v0 up type veth peer name v1',
    'link set v1 up master br0',
    `link add eth0 up type veth peer name there netns ${other.name}`,
  ]);
  // A carrier comes when the kernel's linkwatch has its turn.
  await eventually(
    () => {
      const told = Object.fromEntries(
        driver
          .facts()
          .interfaces.map(({ name, type, master, carrier, looped }) => [name, [type, master, carrier, looped]]),
      );
      assert.deepEqual(told.v1, ['veth', 'br0', true, true]);
      assert.deepEqual(told.br0, ['bridge', '', true, false]);
      assert.deepEqual(told.eth0, ['veth', '', false, false]);
      return true;
    },
    { what: 'all interfaces to be told as they are' },
  );
});

test('a namespace that is not there is said so', () => {
  assert.throws(() => openNetlink({ netns: '/run/netns/no-such-namespace' }).facts(), /could not be listed \(ENOENT\)/);
});

test('kernel settings are read in the namespace that is asked for', async (t) => {
  const ns = await createNetns('sysctl');
  t.after(() => ns.destroy());
  await ns.sysctl('net.ipv4.ip_forward', '1');
  assert.equal(readSysctl('net.ipv4.ip_forward', ns.path), '1');
  await ns.sysctl('net.ipv4.ip_forward', '0');
  assert.equal(readSysctl('net.ipv4.ip_forward', ns.path), '0');
  await ns.ip('link', 'add', 'br.7', 'type', 'bridge');
  assert.equal(readSysctl('net.ipv4.conf.br/7.rp_filter', ns.path) !== undefined, true);
  assert.equal(readSysctl('net.ipv4.conf.br/7.rp_filter'), undefined);
  assert.equal(readSysctl('net.ipv4.no_such_setting'), undefined);
  assert.equal(readSysctl('kernel.ostype'), 'Linux');
});
