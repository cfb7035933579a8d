/** A daemon that probes: who is unreachable is in its report, and no longer once they answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { askDoctor, assertSays, assertWell, saidBy } from '../../helpers/doctor.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { Lab, LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { daemonOn, repair } from '../../helpers/scenario.ts';

describe('a daemon that probes', () => {
  let lab: Lab;
  labWith({ hosts: 2 }, async (made) => {
    lab = made;
    for (const host of lab.hosts) await repair(host);
  });
  const probes = async (host: LabHost) => (await host.lastReport())?.probes;

  it('reports who is unreachable, since when, and that it answers again', async () => {
    const [host, peer] = lab.hosts as [LabHost, LabHost];
    const daemon: Daemon = await daemonOn(host, ['--probe-interval=1s']);
    try {
      assert.deepEqual((await probes(host))?.unreachable, []);
      await peer.ns.exec(
        'nft',
        'add table inet shut; add chain inet shut in { type filter hook input priority 0; }; add rule inet shut in udp dport 8472 drop',
      );
      const found = await eventually(async () => (await probes(host))?.unreachable[0], {
        what: 'the peer to be unreachable',
        timeout: 60_000,
      });
      assert.deepEqual([found.publicIP, found.lacks], [peer.address, 'none']);
      const report = await host.lastReport();
      assert.match(
        report?.held.find(({ why }) => why === 'no answer')?.detail ?? '',
        /has not answered over the overlay since .*doctor --probe/,
      );
      assert.equal(report?.converged, true);
      await peer.ns.exec('nft', 'delete table inet shut');
      await eventually(async () => (await probes(host))?.unreachable.length === 0, {
        what: 'the peer to answer again',
        timeout: 60_000,
      });
    } finally {
      await daemon.kill();
    }
  });

  it('tells a peer that asks whether it is reached from there, both ways being two things', async () => {
    const [host, peer] = lab.hosts as [LabHost, LabHost];
    const daemon: Daemon = await daemonOn(peer, ['--probe-interval=1s']);
    const both = async () => saidBy(await askDoctor(host, ['--probe']), 'both-ways');
    try {
      await eventually(async () => (await both())?.level === 'ok', { what: 'the daemon to answer', timeout: 60_000 });
      const rules =
        'add rule inet shut in iifname flannel.1 icmp type echo-request drop; add rule inet shut in iifname flannel.1 tcp flags syn / syn,ack drop';
      const { stderr } = await host.ns.exec(
        'nft',
        `add table inet shut; add chain inet shut in { type filter hook input priority 0; }; ${rules}`,
      );
      assert.equal(stderr, '');
      const asked = await askDoctor(host, ['--probe']);
      assertWell(asked, 'reached');
      assertSays(asked, 'both-ways', 'wrong', /is reached, and nothing that it begins gets to this host/);
      await host.ns.exec('nft', 'delete table inet shut');
      assertWell(await askDoctor(host, ['--probe']), 'both-ways');
    } finally {
      await daemon.kill();
    }
    assert.equal(await both(), undefined);
  });
});
