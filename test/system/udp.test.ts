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
    const { machine, lab } = world;
    await machine.must('systemctl', 'start', 'selvage');
    await active(machine);
    const pid = await eventually(engines, { what: 'the engine', ...SLOW });
    assert.match(pid, /^\d+$/);
    const { stdout } = await machine.exec('selvage', 'drift', '--format=json', `--etcd-endpoints=${lab.etcd.endpoint}`);
    assert.deepEqual(JSON.parse(stdout).udp.rightsKept, []);
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
    const { machine } = world;
    const lease = (host: number) => ({ PublicIP: `192.168.64.${host}` });
    const state = {
      version: 1,
      config: { Network: '10.6.0.0/16', Backend: { Type: 'aws-vpc' } },
      leases: { '10.6.2.0/24': lease(2), '10.6.3.0/24': lease(3) },
    };
    await machine.write('/root/cloud.json', JSON.stringify(state));
    const nowhere = 'AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1';
    const flags = ['--state-file=/root/cloud.json', '--state-cache=none', '--iface=eth0', '--docker=off'];
    const { stdout, stderr } = await machine.exec('env', nowhere, 'selvage', 'drift', '--format=json', ...flags);
    assert.match(stdout, /The metadata service at http:\/\/127\.0\.0\.1:1 can't be reached/, stderr);
  });
});
