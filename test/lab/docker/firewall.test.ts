/** A real dockerd with its own rules (FORWARD policy DROP, MASQUERADE): containers of two hosts reach each other, with their own addresses. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { DockerHost } from '../../helpers/docker.ts';
import { eventually } from '../../helpers/eventually.ts';
import { feed, sourcesSeen, WITNESS } from '../../helpers/firewall-hosts.ts';
import { createLab, type Lab, type LabHost } from '../../helpers/lab.ts';
import { attachContainer, type LabContainer } from '../../helpers/lab-container.ts';
import { pingOnce } from '../../helpers/ping.ts';

describe("Docker's own firewall", () => {
  let lab: Lab;
  let host: LabHost;
  let docker: DockerHost;
  let daemons: Daemon[];
  let other: LabContainer;
  let address: string;

  before(async () => {
    lab = await createLab();
    const [first, second] = lab.hosts as [LabHost, LabHost];
    host = first;
    docker = new DockerHost(host);
    // Docker sets the policy DROP where it was the one to switch forwarding on.
    await host.ns.sysctl('net.ipv4.ip_forward', '0');
    writeFileSync(docker.daemonJson, '{}\n');
    daemons = [
      host.startDaemon([
        '--docker=opts',
        '--docker-restart=always',
        `--docker-restart-command=${docker.restartCommand}`,
      ]),
      second.startDaemon(),
    ];
    other = await attachContainer(second);
    await eventually(() => host.subnetEnv() !== undefined, { what: 'subnet.env', timeout: 60_000 });
    await docker.start();
    await eventually(async () => (await docker.bridgeAddresses()).includes(host.subnetEnv()?.FLANNEL_SUBNET ?? '-'), {
      what: 'docker0 on its subnet',
      timeout: 60_000,
    });
    await docker.runContainer('web');
    address = await docker.addressOf('web');
    await feed(other.ns, 'nft', ['-f', '-'], WITNESS);
  });
  after(async () => {
    await Promise.all((daemons ?? []).map((daemon) => daemon.stop()));
    await docker?.destroy();
    await other?.ns.destroy();
    await lab?.destroy();
  });

  const bothWays = async (): Promise<void> => {
    await eventually(() => pingOnce(other.ns, address), { what: 'the peer to reach the container', timeout: 60_000 });
    await sourcesSeen(other.ns);
    await eventually(() => docker.ping('web', other.address), {
      what: 'the container to reach the peer',
      timeout: 60_000,
    });
    assert.deepEqual(await sourcesSeen(other.ns), [address], 'with its own address');
  };
  const iptables = async (...args: string[]): Promise<string> => (await host.ns.exec('iptables', ...args)).stdout;

  it('drops what comes from elsewhere, and lets our peers through', async () => {
    assert.match(await iptables('-S', 'FORWARD'), /^-P FORWARD DROP\n-A FORWARD -j DOCKER-USER$/m);
    assert.match(await iptables('-t', 'nat', '-S', 'POSTROUTING'), /MASQUERADE/);
    await bothWays();
    assert.match(await iptables('-S', 'DOCKER-USER'), /SELVAGE-FWD\n-A DOCKER-USER -j RETURN/);
  });

  it('after iptables -F, and after a restart of Docker, which puts its own rules back', async () => {
    await host.ns.exec('iptables', '-F');
    await bothWays();
    assert.doesNotMatch(await iptables('-S', 'FORWARD'), /DOCKER/);
    await host.ns.exec('sh', '-c', docker.restartCommand);
    await docker.ready();
    await docker.runContainer('again');
    address = await docker.addressOf('again');
    await eventually(() => pingOnce(other.ns, address), {
      what: 'the peer to reach the new container',
      timeout: 60_000,
    });
    await eventually(async () => /SELVAGE-FWD/.test(await iptables('-S', 'DOCKER-USER')), {
      what: 'our jump behind the user’s rules',
    });
    assert.doesNotMatch(await iptables('-S', 'FORWARD'), /SELVAGE/);
  });
});
