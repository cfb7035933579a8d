/** Two instances on one host, vxlan and host-gw, each with its own prefix: what one does never touches what is the other's. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { overlayOf } from '../helpers/overlay.ts';

const BLUE = '/networks/blue';
const GREEN = '/networks/green';

describe('two instances on one host', () => {
  let lab: Lab;
  let hosts: [LabHost, LabHost];
  let daemons: Daemon[] = [];

  const fileOf = (host: LabHost, prefix: string) => join(host.folder, `${prefix.split('/').at(-1)}.env`);
  const flags = (host: LabHost, prefix: string) => [
    `--etcd-prefix=${prefix}`,
    `--subnet-file=${fileOf(host, prefix)}`,
    '--healthz-port=0',
    '--migration-grace=2s',
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
      timeout: 30_000,
    });

  /** All that belongs to green, as text: its routes and nexthops by its network, and its file. */
  async function green(host: LabHost): Promise<string> {
    const lines = (await overlayOf(host)).split('\n').filter((line) => line.includes('10.20.'));
    return [...lines, readFileSync(fileOf(host, GREEN), 'utf8')].join('\n');
  }

  before(async () => {
    lab = await createLab({ config: null });
    hosts = lab.hosts as [LabHost, LabHost];
    await lab.putConfig({ Network: '10.10.0.0/16', Backend: { Type: 'vxlan' } }, BLUE);
    await lab.putConfig({ Network: '10.20.0.0/16', Backend: { Type: 'host-gw' } }, GREEN);
    for (const host of hosts) for (const prefix of [BLUE, GREEN]) start(host, prefix);
    for (const host of hosts) for (const prefix of [BLUE, GREEN]) await inSync(host, prefix);
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

  it('one changes its VNI and its Network and is started anew: the other stays byte-identical', async () => {
    const before = await Promise.all(hosts.map(green));
    await lab.putConfig({ Network: '10.10.0.0/16', Backend: { Type: 'vxlan', VNI: 6 } }, BLUE);
    for (const host of hosts) await inSync(host, BLUE);
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
    assert.deepEqual(await Promise.all(hosts.map(green)), before);
    const routes = await hosts[0].ip('route');
    assert.doesNotMatch(routes, /10\.10\./);
    assert.match(routes, /10\.11\.\d+\.0\/24 .*dev flannel\.6/);
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
