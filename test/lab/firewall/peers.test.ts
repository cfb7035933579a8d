/** With host-gw a peer's own address is let in: leases that come and go cost one element each, in what is in force. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, DEFAULT_CONFIG, type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';

describe('peers without a tunnel', () => {
  let lab: Lab;
  let host: LabHost;
  let daemon: Daemon;
  const peers = async (): Promise<string[]> => {
    const { stdout } = await host.ns.exec('nft', '-j', 'list', 'set', 'ip', 'selvage', 'peers');
    if (stdout === '') return [];
    const { nftables } = JSON.parse(stdout) as { nftables: { set?: { elem?: string[] } }[] };
    return nftables.flatMap(({ set }) => set?.elem ?? []).sort();
  };
  const put = (subnet: string, publicIP: string): Promise<void> =>
    lab.put(`${PREFIX}/subnets/${subnet}-24`, `{"PublicIP":"${publicIP}","PublicIPv6":null,"BackendType":"host-gw"}`);
  const become = (wanted: string[]): Promise<boolean> =>
    eventually(async () => JSON.stringify(await peers()) === JSON.stringify(wanted), {
      what: `the set to have ${wanted}`,
    });

  before(async () => {
    lab = await createLab({ hosts: 1, config: { ...DEFAULT_CONFIG, Backend: { Type: 'host-gw' } } });
    [host] = lab.hosts as [LabHost];
    await host.ns.exec('iptables-nft', '-P', 'FORWARD', 'DROP');
    daemon = host.startDaemon();
    await eventually(() => host.subnetEnv() !== undefined, { what: 'subnet.env', timeout: 60_000 });
  });
  after(async () => {
    await daemon?.kill();
    await lab?.destroy();
  });

  it('the first makes the set, others join, one that leaves goes, and the last takes the set along', async () => {
    assert.deepEqual(await peers(), []);
    await put('10.5.201.0', '192.168.64.21');
    await become(['192.168.64.21']);
    await put('10.5.202.0', '192.168.64.22');
    // Two leases of one host.
    await put('10.5.203.0', '192.168.64.21');
    await become(['192.168.64.21', '192.168.64.22']);
    await lab.delete(`${PREFIX}/subnets/10.5.201.0-24`);
    await lab.delete(`${PREFIX}/subnets/10.5.202.0-24`);
    await become(['192.168.64.21']);
    await put('10.5.203.0', '192.168.64.23');
    await become(['192.168.64.23']);
    await host.ns.exec('nft', 'flush', 'set', 'ip', 'selvage', 'peers');
    await become(['192.168.64.23']);
    assert.match((await host.ns.exec('iptables-nft', '-S', 'SELVAGE-FWD')).stdout, /--mark 0x1000\/0x1000 -j ACCEPT/);
    await lab.delete(`${PREFIX}/subnets/10.5.203.0-24`);
    await eventually(async () => !/peers/.test((await host.ns.exec('nft', 'list', 'table', 'ip', 'selvage')).stdout), {
      what: 'the set to go',
    });
    assert.equal((await host.lastReport())?.converged, true);
  });
});
