/** The engine outlives the agent, and is outlived by what it holds: no packet is lost by a restart of either. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EngineClient } from '../../../drivers/udp/client.ts';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../../helpers/lab.ts';
import { ContinuousPing } from '../../helpers/ping.ts';
import { EDGES_ONLY } from '../../helpers/scenario.ts';

describe('udp under daemons', () => {
  let lab: Lab;
  let a: LabHost;
  let b: LabHost;
  let daemons: Daemon[];
  let client: EngineClient | undefined;

  const engine = async () => {
    client ??= await EngineClient.connect(`${a.subnetFile}.udp.sock`);
    if (client) client.onEnd = () => (client = undefined);
    return client;
  };
  const state = () =>
    eventually(async () => (await engine())?.state().catch(() => undefined), { what: 'the engine to answer' });
  const converged = (host: LabHost) =>
    eventually(async () => (await host.lastReport())?.converged, { what: `${host.name} to converge`, timeout: 30_000 });
  /**
   * How many pings of one container net to the other are lost while `work` goes on, and until they are answered again; so slow that the
   * device's queue (500) holds them however long an engine takes to start.
   */
  async function lostDuring(work: () => Promise<void>): Promise<number> {
    assert.ok(await a.ping(b, { wait: 10 }));
    const ping = new ContinuousPing(a.ns, b.containerAddress, a.containerAddress, 0.05);
    await work();
    const { received } = ping;
    await eventually(() => ping.received > received + 5, { what: 'pings to be answered again' });
    return (await ping.stop()).lost;
  }

  before(async () => {
    lab = await createLab({ hosts: 2, config: { Network: '10.5.0.0/16', SubnetMax: '10.5.99.0' } });
    [a, b] = lab.hosts as [LabHost, LabHost];
    daemons = lab.hosts.map((host) => host.startDaemon([EDGES_ONLY]));
    await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    await Promise.all(lab.hosts.map(converged));
  });
  after(async () => {
    client?.close();
    await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  it('three SIGKILLs of the agent lose nothing, and the engine stays the same', async () => {
    const { pid } = await state();
    const lost = await lostDuring(async () => {
      for (let time = 0; time < 3; time++) {
        await daemons[0]!.kill();
        daemons[0] = a.startDaemon([EDGES_ONLY]);
        await converged(a);
      }
    });
    assert.equal(lost, 0);
    assert.equal((await state()).pid, pid);
  });

  it('an upgrade of the agent (it is told to end, and another starts) loses nothing', async () => {
    const { pid } = await state();
    const lost = await lostDuring(async () => {
      await daemons[0]!.stop();
      daemons[0] = a.startDaemon([EDGES_ONLY]);
      await converged(a);
    });
    assert.equal(lost, 0);
    assert.equal((await state()).pid, pid);
  });

  it('a SIGKILL of the engine, also right after the agent has adopted it: another takes its place, and nothing is lost', async () => {
    const lost = await lostDuring(async () => {
      for (let time = 0; time < 2; time++) {
        const { pid } = await state();
        process.kill(pid, 'SIGKILL');
        await eventually(async () => (await state()).pid !== pid, { what: 'another engine', timeout: 30_000 });
        await converged(a);
      }
    });
    assert.equal(lost, 0);
    assert.match(daemons[0]!.log(), /udp engine/);
  });

  it('one that hangs is ended, and replaced', async () => {
    const { pid } = await state();
    process.kill(pid, 'SIGSTOP');
    client?.close();
    client = undefined;
    await daemons[0]!.stop();
    daemons[0] = a.startDaemon([EDGES_ONLY]);
    await eventually(
      async () =>
        (await engine())?.state().then(
          (now) => now.pid !== pid,
          () => false,
        ),
      {
        what: 'another engine',
        timeout: 60_000,
      },
    );
    await converged(a);
    assert.ok(await a.ping(b, { wait: 10 }));
  });

  it('one lease put is one message to the engine', async () => {
    await converged(a);
    const before = (await state()).counters.peerMessages;
    await lab.put('/coreos.com/network/subnets/10.5.233.0-24', '{"PublicIP":"192.168.64.77"}');
    await eventually(async () => (await (await engine())?.table())?.has('10.5.233.0/24'), { what: 'the peer' });
    assert.equal((await state()).counters.peerMessages, before + 1);
    await lab.delete('/coreos.com/network/subnets/10.5.233.0-24');
    await eventually(async () => !(await (await engine())?.table())?.has('10.5.233.0/24'), { what: 'the peer to go' });
    assert.equal((await state()).counters.peerMessages, before + 2);
  });

  it('one that crashes again and again is told of and never takes the agent along; when it stays, all flows again', async () => {
    const { pid: agent } = daemons[0]!;
    for (let crash = 0; crash < 8; crash++) {
      const { pid } = await state();
      process.kill(pid, 'SIGKILL');
      // Beyond a handful in ten seconds it waits longer each time (reconciler/plan/contest.ts).
      await eventually(async () => (await state()).pid !== pid, { what: `engine ${crash + 2}`, timeout: 120_000 });
    }
    assert.equal(daemons[0]!.pid, agent);
    assert.ok(daemons[0]!.log().split('udp engine was started').length > 8);
    await converged(a);
    assert.ok(await a.ping(b, { wait: 20 }));
  });
});
