/** A config without a Backend is udp: repair runs leave a working network behind, find it again, and a drift report knows the engine and its table. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EngineClient } from '../../../drivers/udp/client.ts';
import type { Lab, LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { assertDrift, assertInSync, repair } from '../../helpers/scenario.ts';
import { plainPeer } from '../../helpers/udp/plain-peer.ts';

describe('udp by repair runs', () => {
  let lab: Lab;
  let a: LabHost;
  let b: LabHost;
  const socketOf = (host: LabHost) => `${host.subnetFile}.udp.sock`;
  const ask = async <T>(host: LabHost, what: (client: EngineClient) => Promise<T>): Promise<T> => {
    const client = await EngineClient.connect(socketOf(host));
    assert.ok(client, `${host.name} has an engine`);
    try {
      return await what(client);
    } finally {
      client.close();
    }
  };
  const subnetOf = (host: LabHost) => host.containerAddress.replace(/\.1$/, '.0/24');

  labWith({ hosts: 2, config: { Network: '10.5.0.0/16', SubnetMax: '10.5.99.0' } }, async (made) => {
    lab = made;
    [a, b] = lab.hosts as [LabHost, LabHost];
  });

  it('starts the engine, which outlives the run, and says so; the network works', async () => {
    const { code, stderr } = await a.report(['--once']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /udp engine was started \(process \d+, 192\.168\.64\.2:8285\); it goes on when selvage ends/);
    await repair(b);
    await repair(a);
    for (const host of [a, b]) await host.attachContainerNet();
    assert.ok(await a.ping(b, { wait: 5 }));
    assert.ok(await b.ping(a, { wait: 5, size: 1444, dontFragment: true }));
    assert.equal(a.subnetEnv()?.FLANNEL_MTU, '1472');
  });

  it("leases, device, address and route are flannel's", async () => {
    for (const [key, value] of await lab.leases()) {
      const ip = key.endsWith(subnetOf(a).replace('/', '-')) ? a.address : b.address;
      assert.equal(value, `{"PublicIP":"${ip}","PublicIPv6":null}`);
    }
    const [link] = await a.ns.ipJson('address', 'show', 'flannel0');
    assert.deepEqual([link?.linkinfo?.info_kind, link?.mtu], ['tun', 1472]);
    const addresses = link?.addr_info?.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    assert.deepEqual(addresses, [subnetOf(a).replace('/24', '/32')], 'and no link-local IPv6 address');
    assert.match(await a.ip('route'), /^10\.5\.0\.0\/16 dev flannel0/m);
  });

  it('the next run adopts the engine: nothing to do, and a report of it', async () => {
    const before = await ask(a, (client) => client.state());
    const report = await assertInSync(a);
    assert.equal((await repair(a)).drift.length, 0);
    assert.equal((await ask(a, (client) => client.state())).pid, before.pid);
    assert.equal(report.udp?.pid, before.pid);
    assert.deepEqual([report.udp?.listens, report.udp?.peers], ['192.168.64.2:8285', 1]);
    assert.ok(report.udp!.sent.packets > 0 && report.udp!.received.packets > 0);
  });

  it('a table that is not as it should be is found and mended, entry by entry', async () => {
    const of = (host: LabHost) => `udp-peer flannel0|${subnetOf(host)}`;
    await ask(a, (client) => client.setPeers({ remove: [subnetOf(b)], set: [['10.5.250.0/24', '192.168.64.99']] }));
    await assertDrift(a, [of(b), 'udp-peer flannel0|10.5.250.0/24']);
    await repair(a);
    assert.deepEqual(await ask(a, (client) => client.table()), new Map([[subnetOf(b), b.address]]));
    await ask(a, (client) => client.setPeers({ set: [[subnetOf(b), '192.168.64.98']] }));
    const report = await assertDrift(a, [of(b)]);
    assert.match(JSON.stringify(report.drift), /192\.168\.64\.98/);
    await repair(a);
    assert.ok(await a.ping(b, { wait: 5 }));
  });

  it('an engine that was killed is missed, and started again', async () => {
    const { pid } = await ask(a, (client) => client.state());
    process.kill(pid, 'SIGKILL');
    await assertDrift(a, ['link flannel0']);
    await repair(a);
    assert.ok(await a.ping(b, { wait: 5 }));
  });

  it('another port in the config: the engine listens there, on the same device', async () => {
    const index = async () => (await a.ns.ipJson('link', 'show', 'flannel0'))[0]?.ifindex;
    const before = await index();
    await lab.putConfig({ Network: '10.5.0.0/16', SubnetMax: '10.5.99.0', Backend: { Type: 'udp', Port: 8999 } });
    for (const host of [a, b]) await repair(host);
    assert.equal(await index(), before);
    assert.equal((await ask(a, (client) => client.state())).port, 8999);
    assert.ok(await a.ping(b, { wait: 5 }));
  });

  it("a flanneld's device is held as another's, and its port is named; when it is gone, ours is made", async () => {
    await ask(a, (client) => client.stop());
    const [command, ...args] = plainPeer().command;
    const flanneld = a.ns.spawn(command!, [...args, 'flannel0', a.address, '8999'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => flanneld.stdout!.once('data', resolve));
    await a.ns.ipBatch([`address add ${subnetOf(a).replace('/24', '/32')} dev flannel0`, 'link set flannel0 up']);
    const { code, report } = await a.report(['--once']);
    assert.equal(code, 1);
    const held = report.held.find(({ kind, key }) => kind === 'link' && key === 'flannel0');
    assert.match(held?.detail ?? '', /flannel0 is .*another program.*flanneld/);
    assert.equal((await a.ns.ipJson('link', 'show', 'flannel0'))[0]?.ifalias, undefined);
    const gone = new Promise((resolve) => flanneld.once('exit', resolve));
    flanneld.kill('SIGKILL');
    await gone;
    await repair(a);
    assert.ok(await a.ping(b, { wait: 5 }));
  });

  it('a lease of another backend is reached by udp too, as flannel does it, and that is said', async () => {
    await lab.put('/coreos.com/network/subnets/10.5.240.0-24', '{"PublicIP":"192.168.64.77","BackendType":"host-gw"}');
    const report = await repair(a);
    assert.match(report.held.find(({ key }) => key === '10.5.240.0/24')?.detail ?? '', /names host-gw.*reached by udp/);
    assert.equal((await ask(a, (client) => client.table())).get('10.5.240.0/24'), '192.168.64.77');
    await lab.delete('/coreos.com/network/subnets/10.5.240.0-24');
    await repair(a);
    assert.equal((await ask(a, (client) => client.table())).has('10.5.240.0/24'), false);
  });
});
