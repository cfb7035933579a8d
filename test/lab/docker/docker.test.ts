/** Docker follows the subnet: real dockerds on two hosts, and the daemon that keeps them on it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { DockerHost } from '../../helpers/docker.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, type Lab } from '../../helpers/lab.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

describe('two hosts whose Docker is kept by --docker opts', () => {
  let lab: Lab;
  const dockers: DockerHost[] = [];
  const daemons: Daemon[] = [];

  before(async () => {
    lab = await createLab({ hosts: 2, config: { ...NETWORK, SubnetMax: '10.5.99.0' } });
    for (const host of lab.hosts) {
      const docker = new DockerHost(host);
      dockers.push(docker);
      const command = docker.restartCommand;
      daemons.push(
        host.startDaemon(['--docker=opts', '--docker-restart=always', `--docker-restart-command=${command}`]),
      );
    }
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await Promise.all(dockers.map((docker) => docker.destroy()));
    await lab.destroy();
  });

  const onSubnet = (docker: DockerHost) =>
    eventually(async () => (await docker.bridgeAddresses()).includes(docker.host.subnetEnv()?.FLANNEL_SUBNET ?? '-'), {
      what: `docker0 of ${docker.host.name} on its subnet\n${daemons[dockers.indexOf(docker)]!.log().slice(-2000)}`,
      timeout: 40_000,
    });

  it('a container on each, and ping across the overlay', async () => {
    for (const [index, docker] of dockers.entries()) {
      await eventually(() => existsSync(docker.optsFile), {
        what: `${docker.optsFile}, as Docker's unit waits for selvage's`,
      });
      await docker.start();
      await onSubnet(docker);
      await docker.runContainer(`web${index}`);
    }
    const [a, b] = dockers as [DockerHost, DockerHost];
    assert.equal(a.restarts + b.restarts, 0);
    const address = await b.addressOf('web1');
    await eventually(() => a.ping('web0', address), { what: `ping ${address}` });
    await eventually(async () => b.ping('web1', await a.addressOf('web0')), { what: 'ping back' });
  });

  it('the lease moves: docker0 follows, and the containers reach each other again', async () => {
    const before = dockers.map(({ host }) => host.subnetEnv()!.FLANNEL_SUBNET);
    await lab.putConfig({ ...NETWORK, SubnetMin: '10.5.100.0' });
    for (const [index, docker] of dockers.entries()) {
      await eventually(() => docker.host.subnetEnv()!.FLANNEL_SUBNET !== before[index], { what: 'another subnet' });
      await onSubnet(docker);
      await eventually(
        async () =>
          (await docker.host.lastReport())?.docker?.bridge?.address === docker.host.subnetEnv()!.FLANNEL_SUBNET,
        { what: 'the report to say so', timeout: 30_000 },
      );
      await docker.ready();
      await docker.docker('start', `web${index}`);
      assert.equal(docker.restarts, 1);
    }
    const [a, b] = dockers as [DockerHost, DockerHost];
    const address = await b.addressOf('web1');
    assert.match(address, /^10\.5\.[12]\d\d\./);
    await eventually(() => a.ping('web0', address), { what: `ping ${address}` });
  });
});
