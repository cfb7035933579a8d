/** A host of a udp network that leaves it, or is handed back: its engine ends, and all that lived by it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { EngineClient } from '../../../drivers/udp/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { Lab, LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { overlayOf } from '../../helpers/overlay.ts';
import { driftIds, repair } from '../../helpers/scenario.ts';
import { plainPeer } from '../../helpers/udp/plain-peer.ts';

describe('leaving a udp network', () => {
  let lab: Lab;
  let a: LabHost;
  let b: LabHost;
  labWith({ hosts: 2, config: { Network: '10.5.0.0/16' } }, async (made) => {
    lab = made;
    [a, b] = lab.hosts as [LabHost, LabHost];
    await repair(b);
  });
  const files = () => ['.udp.sock', '.udp.log'].filter((end) => existsSync(`${a.subnetFile}${end}`));
  const enginePid = async (): Promise<number> => {
    const client = await EngineClient.connect(`${a.subnetFile}.udp.sock`);
    assert.ok(client);
    try {
      return (await client.state()).pid;
    } finally {
      client.close();
    }
  };

  const leave = async (...args: string[]) => {
    const planned = await a.report(['leave', '--dry-run', ...args]);
    const pid = await enginePid();
    const { code, report } = await a.report(['leave', ...args]);
    assert.equal(code, 0, JSON.stringify(report));
    assert.deepEqual(driftIds(planned.report), driftIds(report), 'a dry run says what is done');
    await eventually(() => !existsSync(`/proc/${pid}`), { what: 'the engine to end' });
    const again = await a.report(['leave', ...args]);
    assert.deepEqual([again.report.drift, again.report.outcomes], [[], []]);
    return report;
  };

  it('ends the engine, with its device, its route and its files; the lease is given up', async () => {
    const before = await overlayOf(a);
    const leases = (await lab.leases()).size;
    await repair(a);
    assert.deepEqual(files(), ['.udp.sock', '.udp.log']);
    await leave('--release-lease');
    assert.equal(await overlayOf(a), before);
    assert.deepEqual([files(), existsSync(a.subnetFile), existsSync(a.stateCache)], [[], false, false]);
    assert.equal((await lab.leases()).size, leases);
  });

  it('--hand-back ends it too, says so, and flanneld finds its lease, its device’s name and its port', async () => {
    await repair(a);
    await repair(b);
    await b.attachContainerNet();
    const leases = await lab.leases();
    const report = await leave('--hand-back');
    assert.deepEqual(
      report.held.map(({ key, why }) => [key, why]),
      [['flannel0', 'engine ended']],
    );
    assert.equal(await a.ip('route', 'show', '10.5.0.0/16'), '');
    assert.deepEqual([files(), existsSync(a.subnetFile)], [[], true]);
    assert.deepEqual(await lab.leases(), leases);

    const subnet = b.containerAddress.replace(/1$/, '0/24');
    const [command, ...args] = plainPeer().command;
    const flanneld = a.ns.spawn(command!, [...args, 'flannel0', a.address, '8285', `${subnet}=${b.address}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => flanneld.stdout!.once('data', resolve));
      const own = a.containerAddress.replace(/1$/, '0');
      await a.ns.ipBatch([
        `address add ${own}/32 dev flannel0`,
        'link set flannel0 up',
        'route add 10.5.0.0/16 dev flannel0',
      ]);
      await a.attachContainerNet();
      assert.ok(await a.ping(b, { wait: 5 }));
    } finally {
      flanneld.kill('SIGKILL');
    }
  });
});
