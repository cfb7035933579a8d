/** selvage doctor --probe between real hosts, one of which runs nothing of ours: what packets show, and what is broken on purpose. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setChecksumOffload } from '../../helpers/checksums.ts';
import { askDoctor, assertWell, type Breakage, breakOnce, saidBy } from '../../helpers/doctor.ts';
import type { Lab, LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { fakePeer } from '../../helpers/leases.ts';
import { repair } from '../../helpers/scenario.ts';

const CHECKS = ['reached', 'tcp', 'icmp', 'path-mtu'];

describe('doctor --probe', () => {
  let lab: Lab;
  let host: LabHost;
  let peer: LabHost;
  labWith({ hosts: 2 }, async (made) => {
    lab = made;
    [host, peer] = lab.hosts as [LabHost, LabHost];
    for (const one of [host, peer, host]) await repair(one);
  });
  const subnetOf = (one: LabHost): string => one.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\//, '.0/');
  const nft = (id: string, level: Breakage['level'], says: RegExp, rules: string): Breakage => ({
    id,
    level,
    says,
    break: () =>
      peer.ns.exec(
        'nft',
        `add table inet broken; add chain inet broken in { type filter hook input priority 0; }; ${rules}`,
      ),
    mend: () => peer.ns.exec('nft', 'delete table inet broken'),
  });

  it('a peer that runs no daemon answers over the overlay', async () => {
    const asked = await askDoctor(host, ['--probe']);
    for (const id of CHECKS) assertWell(asked, id);
    assert.deepEqual(asked.document.probed, { peers: 1, of: 1 });
    assert.equal(asked.stderr, '');
  });

  it('without --probe it says that nothing was sent, and nothing is', async () => {
    const packets = async () => JSON.stringify((await host.ns.ipJson('-s', 'link', 'show', 'flannel.1'))[0]?.stats64);
    const before = await packets();
    assert.equal(saidBy(await askDoctor(host), 'reached')?.level, 'unknown');
    assert.equal(await packets(), before);
  });

  it("the tunnel's packets that a peer's filter drops", () =>
    breakOnce(
      host,
      [
        nft(
          'reached',
          'wrong',
          /doesn't answer over the overlay: its host does/,
          'add rule inet broken in udp dport 8472 drop',
        ),
      ],
      ['--probe'],
    ));

  it("what this host's own counters say of where packets were lost", () =>
    breakOnce(
      host,
      [
        nft('reached', 'wrong', /doesn't answer over the overlay/, 'add rule inet broken in udp dport 8472 reject'),
        {
          id: 'lost-where',
          level: 'warning',
          says: /Icmp\.InDestUnreachs grew by/,
          break: async () => {},
          mend: async () => {},
        },
      ],
      ['--probe'],
    ));

  // Of the outer packet, so that no answer gets past it.
  it("a peer's packets whose checksums are wrong", () => {
    const offload = (on: boolean): void => {
      setChecksumOffload(peer.ns, 'eth0', 'tx', on);
      // Both ends at which they are received on the way.
      setChecksumOffload(lab.underlay, 'port2', 'rx', on);
      setChecksumOffload(host.ns, 'eth0', 'rx', on);
    };
    return breakOnce(
      host,
      [
        {
          id: 'checksum',
          level: 'wrong',
          says: /packets with a wrong UDP checksum came in while peers were probed/,
          break: () => {
            offload(false);
            const rule = 'add rule inet broken out udp dport 8472 udp checksum set 0x1234';
            const chain = 'add chain inet broken out { type filter hook output priority 0; }';
            return peer.ns.exec('nft', `add table inet broken; ${chain}; ${rule}`);
          },
          mend: () => {
            offload(true);
            return peer.ns.exec('nft', 'delete table inet broken');
          },
        },
      ],
      ['--probe'],
    );
  });

  it('TCP that is lost where ICMP passes', () =>
    breakOnce(
      host,
      [
        nft(
          'tcp',
          'wrong',
          /answers ICMP, and TCP not at all/,
          'add rule inet broken in iifname flannel.1 meta l4proto tcp drop',
        ),
      ],
      ['--probe'],
    ));

  it('ICMP that is lost where TCP passes', () =>
    breakOnce(
      host,
      [nft('icmp', 'warning', /TCP and not ICMP/, 'add rule inet broken in iifname flannel.1 meta l4proto icmp drop')],
      ['--probe'],
    ));

  // A bridge forwards what is longer than its port's MTU by a VLAN tag (is_skb_forwardable): 1404 bytes less 50.
  it('a way that swallows large packets is measured to the byte', () =>
    breakOnce(
      host,
      [
        {
          id: 'path-mtu',
          level: 'wrong',
          says: /packets of up to 1354 bytes pass, and the overlay's MTU is 1450/,
          break: () => lab.underlay.ip('link', 'set', 'port2', 'mtu', '1400'),
          mend: () => lab.underlay.ip('link', 'set', 'port2', 'mtu', '1500'),
        },
      ],
      ['--probe'],
    ));

  it('all of it is as it should be once that is mended', async () => {
    const asked = await askDoctor(host, ['--probe']);
    for (const id of [...CHECKS, 'checksum', 'lost-where']) assertWell(asked, id);
  });

  it('a host that is not there, within bounds, and only whom --peers names', async () => {
    const gone = { ...fakePeer(1, '10.5.254.0'), publicIP: '192.168.64.77' };
    await lab.putPeer(gone);
    await repair(host);
    const all = await askDoctor(host, ['--probe', '--peers=all']);
    assert.match(
      saidBy(all, 'reached')?.says ?? '',
      /10\.5\.255\.0\/24 \(192\.168\.64\.77\) doesn't answer over the overlay: .*(host is down|can't be reached|could not be sent)/,
    );
    const one = await askDoctor(host, ['--probe', `--peers=${subnetOf(peer)}`]);
    assert.equal(saidBy(one, 'reached')?.level, 'ok');
    assert.deepEqual(one.document.probed, { peers: 1, of: 2 });
    const { code, stderr } = await host.selvage(['doctor', '--probe', '--peers=10.9.9.0/24']);
    assert.equal(code, 64);
    assert.match(stderr, /--peers names 10\.9\.9\.0\/24, which no lease of another host has/);
    await lab.deletePeer(gone);
    await repair(host);
  });

  it('host-gw, where the peer answers on its bridge', async () => {
    await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'host-gw' } });
    for (const one of [host, peer, host]) await repair(one);
    for (const one of [host, peer]) await one.attachContainerNet();
    const asked = await askDoctor(host, ['--probe']);
    for (const id of CHECKS) assertWell(asked, id);
  });
});
