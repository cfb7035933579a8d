/** Two instances on one host, vxlan and host-gw, each with its own prefix: what one does never touches what is the other's. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { GRACE } from '../helpers/mesh.ts';
import { overlayOf } from '../helpers/overlay.ts';
import { ContinuousPing } from '../helpers/ping.ts';

const BLUE = '/networks/blue';
const GREEN = '/networks/green';
const RED = '/networks/red';

describe('two instances on one host', () => {
  let lab: Lab;
  let hosts: [LabHost, LabHost];
  let daemons: Daemon[] = [];

  const fileOf = (host: LabHost, prefix: string) => join(host.folder, `${prefix.split('/').at(-1)}.env`);
  const flags = (host: LabHost, prefix: string) => [
    `--etcd-prefix=${prefix}`,
    `--subnet-file=${fileOf(host, prefix)}`,
    `--state-cache=${fileOf(host, prefix)}.json`,
    '--healthz-port=0',
    GRACE,
  ];
  const start = (host: LabHost, prefix: string): Daemon => {
    const daemon = host.startDaemon(flags(host, prefix));
    daemons.push(daemon);
    return daemon;
  };
  const inSync = (host: LabHost, prefix: string) =>
    eventually(async () => (await host.report(['drift', ...flags(host, prefix)])).code === 0, {
      what: `${prefix} on ${host.name} to be in sync`,
      interval: 200,
    });

  /** All that belongs to green, as text: its routes and nexthops by its network, and its file. */
  async function green(host: LabHost): Promise<string> {
    const lines = (await overlayOf(host)).split('\n').filter((line) => line.includes('10.20.'));
    return [...lines, readFileSync(fileOf(host, GREEN), 'utf8')].join('\n');
  }

  /** Where a container of that network would be. */
  const addressOf = (host: LabHost, prefix: string) =>
    /FLANNEL_SUBNET=([\d.]+)\//.exec(readFileSync(fileOf(host, prefix), 'utf8'))![1]!;
  /** Gives each host an address of its subnet of that network. */
  async function attach(prefix: string): Promise<void> {
    for (const host of hosts) await host.ip('address', 'add', `${addressOf(host, prefix)}/24`, 'dev', 'cni0');
  }

  /** Both ways in that network, until it is ended, with the packets lost. */
  async function pinging(prefix: string): Promise<() => Promise<number[]>> {
    const [a, b] = hosts.map((host) => addressOf(host, prefix)) as [string, string];
    const pings = [new ContinuousPing(hosts[0].ns, b, a), new ContinuousPing(hosts[1].ns, a, b)];
    const answers = (count: number) => {
      const goals = pings.map(({ received }) => received + count);
      return eventually(() => pings.every(({ received }, i) => received >= goals[i]!), { what: `pings in ${prefix}` });
    };
    try {
      await answers(5);
    } catch (error) {
      await Promise.all(pings.map((ping) => ping.stop()));
      throw error;
    }
    return async () => {
      await answers(5).catch(() => {});
      return (await Promise.all(pings.map((ping) => ping.stop()))).map(({ lost }) => lost);
    };
  }

  before(async () => {
    lab = await createLab({ config: null });
    hosts = lab.hosts as [LabHost, LabHost];
    await lab.putConfig({ Network: '10.10.0.0/16', Backend: { Type: 'vxlan' } }, BLUE);
    await lab.putConfig({ Network: '10.20.0.0/16', Backend: { Type: 'host-gw' } }, GREEN);
    for (const host of hosts) for (const prefix of [BLUE, GREEN]) start(host, prefix);
    for (const host of hosts) for (const prefix of [BLUE, GREEN]) await inSync(host, prefix);
    for (const host of hosts) await host.ns.ipBatch(['link add cni0 type bridge', 'link set cni0 up']);
    for (const prefix of [BLUE, GREEN]) await attach(prefix);
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  it('live side by side', async () => {
    const routes = await hosts[0].ip('route');
    assert.match(routes, /10\.10\.\d+\.0\/24 .*dev flannel\.1/);
    assert.match(routes, /10\.20\.\d+\.0\/24 .*via 192\.168\.64\.3 dev eth0/);
  });

  it('one changes its VNI and its Network and is started anew: the other stays byte-identical, and loses nothing', async () => {
    const before = await Promise.all(hosts.map(green));
    const ofGreen = await pinging(GREEN);
    const ofBlue = await pinging(BLUE);
    await lab.putConfig({ Network: '10.10.0.0/16', Backend: { Type: 'vxlan', VNI: 6 } }, BLUE);
    for (const host of hosts) {
      await eventually(async () => /flannel\.6/.test(await host.ip('route')), { what: 'the new path' });
      await eventually(async () => !/flannel\.1:/.test(await host.ip('link')), { what: 'the old one to go' });
      await inSync(host, BLUE);
    }
    assert.deepEqual(await ofBlue(), [0, 0], 'lost in blue by its move');
    await lab.putConfig({ Network: '10.11.0.0/16', Backend: { Type: 'vxlan', VNI: 6 } }, BLUE);
    for (const host of hosts) {
      await eventually(() => readFileSync(fileOf(host, BLUE), 'utf8').includes('10.11.'), { what: 'the new network' });
      await inSync(host, BLUE);
    }
    const blue = daemons.filter((_, i) => i % 2 === 0);
    await Promise.all(blue.map((daemon) => daemon.stop()));
    daemons = daemons.filter((daemon) => daemon.running);
    for (const host of hosts) start(host, BLUE);
    for (const host of hosts) await inSync(host, BLUE);
    assert.deepEqual(await ofGreen(), [0, 0], 'lost in green by the moves of blue');
    assert.deepEqual(await Promise.all(hosts.map(green)), before);
    const routes = await hosts[0].ip('route');
    assert.doesNotMatch(routes, /^10\.10\.(?!.* dev cni0)/m);
    assert.match(routes, /10\.11\.\d+\.0\/24 .*dev flannel\.6/);
  });

  it('a range that one has left may be taken by another, under the same daemons and the next ones', async () => {
    await lab.putConfig({ Network: '10.10.0.0/16', Backend: { Type: 'host-gw' } }, RED);
    for (const host of hosts) await host.ns.exec('ip', 'address', 'flush', 'dev', 'cni0');
    const red = hosts.map((host) => start(host, RED));
    for (const host of hosts) await inSync(host, RED);
    await attach(RED);
    const ofRed = await pinging(RED);
    const routes = async (host: LabHost) => (await host.ip('route')).match(/^10\.10\..* proto 115/gm);
    const before = await Promise.all(hosts.map(routes));
    assert.equal(before.flat().length, 2);
    for (const host of hosts) assert.equal((await host.report(['--once', ...flags(host, BLUE)])).code, 0);
    const blue = daemons.filter((daemon) => !red.includes(daemon));
    await Promise.all(blue.map((daemon) => daemon.stop()));
    daemons = daemons.filter((daemon) => daemon.running);
    for (const host of hosts) for (const prefix of [BLUE, GREEN]) start(host, prefix);
    for (const host of hosts) for (const prefix of [BLUE, GREEN, RED]) await inSync(host, prefix);
    assert.deepEqual(await Promise.all(hosts.map(routes)), before);
    assert.deepEqual(await ofRed(), [0, 0]);
    await Promise.all(red.map((daemon) => daemon.stop()));
    daemons = daemons.filter((daemon) => daemon.running);
  });

  it('neither sees drift in what is the other one’s, nor in a repair run', async () => {
    const before = await Promise.all(hosts.map(overlayOf));
    for (const host of hosts) {
      for (const prefix of [BLUE, GREEN]) {
        const { code, report } = await host.report(['--once', ...flags(host, prefix)]);
        assert.deepEqual([code, report.drift], [0, []]);
      }
    }
    assert.deepEqual(await Promise.all(hosts.map(overlayOf)), before);
  });
});
