/** The units as the package installs them, under a real systemd: start, status, wait, watchdog, hardening, upgrade and removal. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { active as activeIn, configure, type Installed, install, lostDuring as lostIn, SLOW } from './installed.ts';

let world: Installed;
before(async () => {
  world = await install();
});
after(() => world?.destroy());
// Whatever a test came to, the next one begins with the units as they are installed, and with an etcd.
afterEach(async () => {
  await world.machine.must('rm', '-rf', '/etc/systemd/system/selvage.service.d');
  await world.machine.must('systemctl', 'daemon-reload');
  if (world.lab.etcd.pid === undefined) await world.lab.etcd.start();
});

const active = () => activeIn(world.machine);
const lostDuring = (work: () => Promise<unknown>) => lostIn(world, work);
const dropIn = async (name: string, lines: string) => {
  await world.machine.write(`/etc/systemd/system/selvage.service.d/${name}.conf`, lines);
  await world.machine.must('systemctl', 'daemon-reload');
};

describe('the installed package', () => {
  it('enables and starts nothing, and has made its code cache', async () => {
    const { machine } = world;
    assert.equal(await machine.show('selvage', 'UnitFileState'), 'disabled');
    assert.equal(await machine.show('selvage', 'ActiveState'), 'inactive');
    assert.match(await machine.must('selvage', '--version'), /^selvage \d/);
    assert.match(await machine.must('ls', '/usr/lib/selvage'), /^selvage-[\da-f]{16}-11\..*\.cache$/m);
    assert.match(await machine.show('selvage', 'Documentation'), /man:selvage\(8\)/);
  });

  it('has units that systemd finds nothing to say about, and that are little exposed', async () => {
    const { machine } = world;
    const { stderr, code } = await machine.exec(
      'systemd-analyze',
      'verify',
      '--man=no',
      '/usr/lib/systemd/system/selvage.service',
    );
    assert.deepEqual([code, stderr], [0, '']);
    for (const unit of ['selvage.service', 'selvage-once.service']) {
      const { stdout } = await machine.exec('systemd-analyze', 'security', '--no-pager', unit);
      const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
      assert.ok(exposure <= 2.6, `${unit}: ${exposure}`);
    }
  });
});

describe('the daemon', () => {
  it('is ready when the network is, and says how it is', async () => {
    const { machine } = world;
    await configure(machine, world.lab, ['SELVAGE_ETCD_PREFX=/typo']);
    await machine.must('systemctl', 'start', 'selvage');
    assert.match((await machine.read('/run/flannel/subnet.env')) ?? '', /^FLANNEL_SUBNET=10\.5\./m);
    const says = /^10\.5\.\d+\.0\/24, 1 peer, in sync/;
    await eventually(
      async () => {
        const status = await machine.show('selvage', 'StatusText');
        if (!says.test(status)) throw new Error(`it is "${status}"`);
        return true;
      },
      { what: 'a status with one peer', ...SLOW },
    );
    assert.match(
      await machine.journal('selvage'),
      /SELVAGE_ETCD_PREFX is no variable .* did you mean SELVAGE_ETCD_PREFIX\?/,
    );
    await configure(machine, world.lab, []);
  });

  it('is started anew when it is stopped in its tracks or killed, and no packet is lost', async () => {
    const { machine } = world;
    await dropIn('watchdog', '[Service]\nWatchdogSec=3\n');
    const lost = await lostDuring(async () => {
      await machine.must('systemctl', 'restart', 'selvage');
      for (const signal of ['STOP', 'KILL']) {
        const pid = await machine.show('selvage', 'MainPID');
        await machine.must('kill', `-${signal}`, pid);
        await eventually(async () => !['0', pid].includes(await machine.show('selvage', 'MainPID')), {
          what: `a new process after SIG${signal}`,
          ...SLOW,
        });
        await active();
      }
    });
    assert.equal(lost, 0);
  });

  it('waits for etcd as long as it takes, and says for what', async () => {
    const { machine, lab } = world;
    await machine.must('systemctl', 'stop', 'selvage');
    await machine.must('rm', '-f', '/var/lib/selvage/desired.json');
    await dropIn('hasty', '[Service]\nTimeoutStartSec=20\n');
    await lab.etcd.stop();
    const restarts = await machine.show('selvage', 'NRestarts');
    await machine.must('systemctl', 'start', '--no-block', 'selvage');
    await sleep(30_000);
    assert.equal(await machine.show('selvage', 'ActiveState'), 'activating');
    assert.equal(await machine.show('selvage', 'NRestarts'), restarts);
    assert.match(await machine.show('selvage', 'StatusText'), /^Waiting for /);
    await lab.etcd.start();
    await active();
  });

  it('is a failed unit and no loop where the next try can not be better', async () => {
    const { machine, lab } = world;
    await machine.must('systemctl', 'stop', 'selvage');
    await configure(machine, lab, ['SELVAGE_LOG_LEVEL=loud']);
    assert.notEqual((await machine.systemctl('start', 'selvage')).code, 0);
    await sleep(3000);
    assert.equal(await machine.show('selvage', 'ActiveState'), 'failed');
    assert.equal(await machine.show('selvage', 'ExecMainStatus'), '64');
    await configure(machine, lab, []);
    await machine.must('systemctl', 'start', 'selvage');
  });

  it('may read root’s files only, and says how a key of another user is given to it', async () => {
    const { machine, lab } = world;
    await machine.must('systemctl', 'stop', 'selvage');
    await machine.write('/etc/etcd/key.pem', 'KEY', '0600');
    await machine.must('chown', 'nobody', '/etc/etcd/key.pem');
    await machine.must('rm', '-f', '/var/lib/selvage/desired.json');
    const files = ['CERTFILE', 'KEYFILE'].map((name) => `SELVAGE_ETCD_${name}=/etc/etcd/key.pem`);
    const endpoint = lab.etcd.endpoint.replace('http:', 'https:');
    await configure(machine, lab, [...files, `SELVAGE_ETCD_ENDPOINTS=${endpoint}`]);
    assert.notEqual((await machine.systemctl('start', 'selvage')).code, 0);
    assert.match(await machine.journal('selvage'), /can't be read: EACCES.*SupplementaryGroups=/);
    await configure(machine, lab, []);
    await machine.must('systemctl', 'start', 'selvage');
  });

  it('puts daemon.json right and restarts Docker from within its sandbox', async () => {
    const { machine, lab } = world;
    await machine.must('rm', '-rf', '/etc/docker');
    await configure(machine, lab, ['SELVAGE_DOCKER=daemon-json', 'SELVAGE_DOCKER_RESTART=always']);
    await machine.must('systemctl', 'start', 'docker.service');
    await machine.must('systemctl', 'restart', 'selvage');
    const subnet = /^FLANNEL_SUBNET=(\S+)$/m.exec((await machine.read('/run/flannel/subnet.env')) ?? '')![1]!;
    await eventually(
      async () => (await machine.exec('ip', '-4', '-br', 'address', 'show', 'docker0')).stdout.includes(` ${subnet} `),
      {
        what: `docker0 on ${subnet}`,
        ...SLOW,
      },
    );
    assert.equal(JSON.parse((await machine.read('/etc/docker/daemon.json'))!).bip, subnet);
    await machine.must('systemctl', 'stop', 'docker.socket', 'docker.service');
    await machine.must('ip', 'link', 'delete', 'docker0');
    await configure(machine, lab, []);
    await machine.must('systemctl', 'restart', 'selvage');
  });

  it('repairs what is broken from within its sandbox', async () => {
    const { machine } = world;
    await machine.must('ip', 'link', 'delete', 'flannel.1');
    await eventually(async () => (await machine.exec('ip', 'link', 'show', 'flannel.1')).code === 0, {
      what: 'flannel.1 to be back',
      ...SLOW,
    });
  });
});

describe('a repair run', () => {
  it('beside the daemon is quiet in the journal, and its timer runs', async () => {
    const { machine } = world;
    await machine.must('systemctl', 'start', 'selvage-once.service');
    const lines = (await machine.journal('selvage-once')).trim().split('\n');
    assert.ok(lines.length <= 12, lines.join('\n'));
    assert.match(lines.join('\n'), /converged/);
    await machine.must('systemctl', 'start', 'selvage-once.timer');
    assert.equal(await machine.show('selvage-once.timer', 'ActiveState'), 'active');
    await machine.must('systemctl', 'stop', 'selvage-once.timer');
  });
});

describe('the package, later', () => {
  it('is upgraded without losing a packet, and runs on', async () => {
    const { machine, deliver } = world;
    const file = await deliver(2);
    const pid = await machine.show('selvage', 'MainPID');
    const lost = await lostDuring(async () => {
      await machine.must('dpkg', '--force-confold', '-i', file);
      await active();
    });
    assert.equal(lost, 0);
    assert.notEqual(await machine.show('selvage', 'MainPID'), pid);
    assert.match(
      (await machine.read('/etc/default/selvage'))!,
      /^SELVAGE_ETCD_ENDPOINTS=http/m,
      "the person's file stays",
    );
  });

  it('leaves the network when it is removed and says how that goes away; purged, it leaves nothing of its own', async () => {
    const { machine } = world;
    const lost = await lostDuring(async () => {
      const { stderr } = await machine.exec('dpkg', '-r', 'selvage');
      assert.match(stderr, /the network stays as it is.*\n.*to take it off this host/);
    });
    assert.equal(lost, 0);
    assert.equal((await machine.exec('ls', '/usr/lib/selvage')).code, 2);
    assert.notEqual(await machine.read('/etc/default/selvage'), undefined);
    await machine.must('dpkg', '-P', 'selvage');
    for (const path of ['/etc/default/selvage', '/var/lib/selvage'])
      assert.notEqual((await machine.exec('test', '-e', path)).code, 0, path);
    assert.equal((await machine.exec('ip', 'link', 'show', 'flannel.1')).code, 0);
  });
});
