/** Docker follows the subnet: real dockerds on two hosts, and the daemon that keeps them on it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Report } from '../../../reconciler/contracts/report.ts';
import type { Daemon } from '../../helpers/daemon.ts';
import { DockerHost } from '../../helpers/docker.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../../helpers/lab.ts';

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

describe('one host and its Docker, run by run', () => {
  let lab: Lab;
  let host: LabHost;
  let docker: DockerHost;
  const bip = (): string => host.subnetEnv()!.FLANNEL_SUBNET!;
  const whys = ({ held }: Report): string[] => held.map(({ why }) => why);
  const dockerDrift = ({ drift }: Report) => drift.filter(({ kind }) => kind === 'docker');
  const ours = (mode: string): string[] => [
    `--docker=${mode}`,
    '--docker-restart=always',
    `--docker-restart-command=${docker.restartCommand}`,
  ];

  before(async () => {
    lab = await createLab({ hosts: 1, config: { ...NETWORK, SubnetMax: '10.5.99.0' } });
    host = lab.hosts[0]!;
    docker = new DockerHost(host);
    assert.equal((await host.report(['--once'])).code, 0);
  });
  after(async () => {
    await docker.destroy();
    await lab.destroy();
  });

  it('no engine and no docker0: nothing is said of it, nothing written for it', async () => {
    const { report, code } = await host.report(['drift']);
    assert.deepEqual([code, report.docker, report.held, report.drift], [0, undefined, [], []]);
    assert.deepEqual([existsSync(docker.optsFile), existsSync(docker.daemonJson)], [false, false]);
  });

  it('a Docker on its own subnet is reported, and with --docker off is not', async () => {
    writeFileSync(docker.daemonJson, '{\n    "iptables": false,\n    "bip": "172.30.0.1/16",\n    "debug": false\n}\n');
    await docker.start();
    const { report, code } = await host.report(['drift']);
    assert.equal(code, 2);
    assert.deepEqual(
      dockerDrift(report).map(({ key, want, have }) => ({ key, want, have })),
      [{ key: 'docker0', want: { address: bip(), mtu: 1450 }, have: { address: '172.30.0.1/16', mtu: 1500 } }],
    );
    assert.deepEqual(whys(report), ['not on the subnet']);
    assert.deepEqual([report.docker?.engine?.containers, report.docker?.bridge?.address], [0, '172.30.0.1/16']);
    // Told, but nothing that a repair run would be there to do.
    assert.equal((await host.report(['--once'])).code, 0);

    const off = await host.report(['drift', '--docker=off']);
    assert.deepEqual([off.code, off.report.docker, off.report.drift, off.report.held], [0, undefined, [], []]);
  });

  it('a bip in both places: what dockerd would die with is said before it is restarted', async () => {
    const made = await host.selvage(['docker-opts', '-f', host.subnetFile, '-d', docker.optsFile]);
    assert.equal(made.code, 0, made.stderr);
    const { report } = await host.report(['drift']);
    assert.deepEqual(whys(report), ['given twice', 'not on the subnet']);
    const said = /"(unable to configure .*?)"; take bip out of/.exec(report.held[0]!.detail)?.[1];
    const died = await docker.tryStart(`--bip=${bip()} --mtu=1450 --ip-masq=true`);
    assert.ok(said && died.includes(said), `${said}\n${died}`);
    assert.equal(docker.restarts, 0);
  });

  it('opts cures it: the key goes, no other byte, the previous file is beside it, and docker0 follows', async () => {
    const before = readFileSync(docker.daemonJson, 'utf8');
    const { report, code } = await host.report(['--once', ...ours('opts')]);
    assert.deepEqual([code, report.converged, report.held], [0, true, []], JSON.stringify(report, null, 1));
    assert.deepEqual(
      report.outcomes.map(({ kind, key, result }) => [kind, key, result]),
      [
        ['file', docker.daemonJson, 'done'],
        ['docker', 'docker0', 'done'],
      ],
    );
    assert.equal(readFileSync(docker.daemonJson, 'utf8'), '{\n    "iptables": false,\n    "debug": false\n}\n');
    assert.equal(readFileSync(`${docker.daemonJson}.selvage-previous`, 'utf8'), before);
    assert.deepEqual([await docker.bridgeAddresses(), docker.restarts], [[bip()], 1]);

    const again = await host.report(['--once', ...ours('opts')]);
    assert.deepEqual([again.code, again.report.outcomes, docker.restarts], [0, [], 1]);
  });

  it('invalid daemon.json is held and left alone, and Docker with it', async () => {
    const text = '{ "iptables": false, }\n';
    const before = readFileSync(docker.daemonJson, 'utf8');
    writeFileSync(docker.daemonJson, text);
    rmSync(docker.optsFile);
    const old = bip();
    await lab.putConfig({ ...NETWORK, SubnetMin: '10.5.100.0' });
    await host.report(['--once', '--docker=off']);
    assert.notEqual(bip(), old);
    assert.deepEqual([await docker.bridgeAddresses(), docker.restarts], [[old], 1]);
    const { report, code } = await host.report(['--once', ...ours('daemon-json')]);
    assert.deepEqual([code, whys(report), docker.restarts], [1, ['invalid', 'restart due'], 1]);
    assert.equal(readFileSync(docker.daemonJson, 'utf8'), text);
    writeFileSync(docker.daemonJson, before);
  });

  it('daemon-json: bip and mtu are put in, and docker0 follows the lease that moved', async () => {
    const { report, code } = await host.report(['--once', ...ours('daemon-json')]);
    assert.deepEqual([code, report.converged], [0, true], JSON.stringify(report, null, 1));
    assert.equal(
      readFileSync(docker.daemonJson, 'utf8'),
      `{\n    "iptables": false,\n    "debug": false,\n    "bip": "${bip()}",\n    "mtu": 1450\n}\n`,
    );
    assert.deepEqual([await docker.bridgeAddresses(), docker.restarts], [[bip()], 2]);
    assert.deepEqual(report.docker?.bridge, { name: 'docker0', address: bip(), mtu: 1450, ipMasq: false });
  });

  it('the daemon, woken by edges alone: a bridge changed by hand, a container, an engine that goes and comes back', async () => {
    const daemon = host.startDaemon(['--resync=0 0 1 1 *']);
    try {
      const report = (what: string, is: (report: Report) => unknown) =>
        eventually(
          async () => {
            const last = await host.lastReport();
            return last && is(last);
          },
          { what: `${what}\n${daemon.log().slice(-1500)}` },
        );
      await report('a report of Docker', (last) => last.docker?.engine?.containers === 0);
      await docker.runContainer('web');
      await report('the container', (last) => last.docker?.engine?.containers === 1);

      await host.ip('address', 'del', bip(), 'dev', 'docker0');
      await report('the address to be missed', (last) => whys(last).includes('not on the subnet'));
      await host.ip('address', 'add', bip(), 'dev', 'docker0');
      await report('the address to be seen', (last) => last.held.length === 0);

      await docker.docker('kill', 'web');
      await report('the container to be gone', (last) => last.docker?.engine?.containers === 0);
      await docker.stop();
      await report('no engine, which is no error', (last) => last.docker?.engine === null && last.converged);
      await docker.start();
      await report('the engine again', (last) => last.docker?.engine?.version);
      assert.deepEqual([await docker.bridgeAddresses(), docker.restarts], [[bip()], 2]);
    } finally {
      assert.equal(await daemon.stop(), 0);
    }
  });

  it('docker-opts says, after writing, that the subnet is routed elsewhere', async () => {
    await docker.stop();
    await host.ip('link', 'delete', 'docker0');
    const subnet = bip().replace(/\.1\/24$/, '.0/24');
    await host.ip('route', 'add', subnet, 'via', '192.168.64.1');
    const { code, stderr } = await host.selvage(['docker-opts', '-c', '-f', host.subnetFile, '-d', docker.optsFile]);
    assert.equal(code, 1);
    assert.equal(stderr, `Your routing table already contains the subnet: ${subnet} via 192.168.64.1 dev eth0\n`);
    assert.equal(readFileSync(docker.optsFile, 'utf8'), `DOCKER_OPTS=" --bip=${bip()} --ip-masq=true --mtu=1450"\n`);
    await host.ip('route', 'del', subnet);
  });
});
