/** A host of a udp network under the unit as the package installs it: the engine's program is found, starts in the sandbox, and outlives the agent. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { active, type Installed, install, lostDuring, SLOW } from './installed.ts';

let world: Installed;
before(async () => {
  world = await install({ Network: '10.5.0.0/16' }); // without a Backend: flannel's default
});
after(() => world?.destroy());

/** Process ids of the engines in the machine, one a line. */
const engines = async () => (await world.machine.exec('pgrep', '-f', '^selvage udp flannel0')).stdout.trim();

describe('udp under the installed unit', () => {
  it('has one engine, without rights, in the service’s own control group', async () => {
    const { machine } = world;
    await machine.must('systemctl', 'start', 'selvage');
    await active(machine);
    const pid = await eventually(engines, { what: 'the engine', ...SLOW });
    assert.match(pid, /^\d+$/);
    const status = (await machine.read(`/proc/${pid}/status`))!;
    assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
    assert.match(status, /^CapEff:\t0000000000000000$/m);
    assert.match((await machine.read(`/proc/${pid}/cgroup`))!, /system\.slice\/selvage\.service/);
    assert.match((await machine.read('/run/flannel/subnet.env'))!, /^FLANNEL_MTU=1472$/m);
  });

  it('loses no packet, and keeps its engine, when the service is restarted and when the agent is killed', async () => {
    const { machine } = world;
    const pid = await engines();
    const lost = await lostDuring(world, async () => {
      await machine.must('systemctl', 'restart', 'selvage');
      await active(machine);
      const agent = await machine.show('selvage', 'MainPID');
      await machine.must('kill', '-KILL', agent);
      await eventually(async () => !['0', agent].includes(await machine.show('selvage', 'MainPID')), {
        what: 'a new agent',
        ...SLOW,
      });
      await active(machine);
    });
    assert.equal(lost, 0);
    assert.equal(await engines(), pid);
  });

  it('an engine that is killed is replaced from within the sandbox', async () => {
    const { machine } = world;
    const pid = await engines();
    const lost = await lostDuring(world, async () => {
      await machine.must('kill', '-KILL', pid);
      await eventually(async () => !['', pid].includes(await engines()), { what: 'another engine', ...SLOW });
    });
    assert.equal(lost, 0);
  });
});

describe('a cloud backend of the installed package', () => {
  it('is found beside the program, and says that there is no cloud here', async () => {
    const { machine, lab } = world;
    await lab.putConfig({ Network: '10.6.0.0/16', Backend: { Type: 'aws-vpc' } }, '/cloud');
    const flags = ['--etcd-prefix=/cloud', `--etcd-endpoints=${lab.etcd.endpoint}`, '--state-cache=none'];
    const { stdout, stderr } = await machine.exec('selvage', 'drift', '--format=json', ...flags);
    assert.doesNotMatch(stdout + stderr, /Cannot find module/);
    assert.match(stdout + stderr, /metadata service/);
  });
});
