/** A network moves udp → vxlan → host-gw → udp under running daemons, and a continuous ping between all hosts loses nothing. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { EngineClient } from '../../../drivers/udp/client.ts';
import type { Daemon } from '../../helpers/daemon.ts';
import { eventually } from '../../helpers/eventually.ts';
import { createLab, type Lab } from '../../helpers/lab.ts';
import { allMoved, GRACE, Mesh } from '../../helpers/mesh.ts';

const config = (backend?: object) => ({ Network: '10.5.0.0/16', ...(backend ? { Backend: backend } : {}) });

describe('a network that moves to and from udp', () => {
  let lab: Lab;
  let daemons: Daemon[];
  let mesh: Mesh | undefined;

  before(async () => {
    lab = await createLab({ hosts: 3, config: config() });
    for (const { ns } of lab.hosts) {
      await ns.sysctl('net.ipv4.conf.all.rp_filter', '1');
      await ns.sysctl('net.ipv4.conf.eth0.rp_filter', '2');
    }
    daemons = lab.hosts.map((host) => host.startDaemon([GRACE]));
    for (const host of lab.hosts)
      await eventually(() => host.subnetEnv(), { what: `${host.name} to start its engine`, timeout: 60_000 });
    await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    await allMoved(lab, UDP);
  });
  afterEach(async () => {
    await mesh?.stop();
    mesh = undefined;
  });
  after(async () => {
    await Promise.all((daemons ?? []).map((daemon) => daemon.kill()));
    await lab?.destroy();
  });

  const UDP = /^\{"PublicIP":"[^"]+","PublicIPv6":null\}$/;
  const devices = (names: string[]) =>
    eventually(
      async () => {
        for (const host of lab.hosts) {
          const links = (await host.ns.ipJson('link', 'show')).map(({ ifname }) => ifname!);
          assert.deepEqual(links.filter((name) => name.startsWith('flannel')).sort(), names, host.name);
        }
        return true;
      },
      { what: `only ${names} to be left`, interval: 100 },
    );
  const engines = async () => {
    const found = await Promise.all(lab.hosts.map((host) => EngineClient.connect(`${host.subnetFile}.udp.sock`)));
    for (const client of found) client?.close();
    return found.filter((client) => client !== undefined).length;
  };

  async function move(to: object, lease: RegExp, names: string[]): Promise<void> {
    mesh = await Mesh.start(lab.hosts);
    await lab.putConfig(to);
    await allMoved(lab, lease);
    await devices(names);
    await mesh.stopAndExpectNoLoss();
  }

  it('udp → vxlan, and the engines end when no lease names udp', async () => {
    assert.equal(await engines(), 3);
    await move(config({ Type: 'vxlan' }), /"BackendType":"vxlan"/, ['flannel.1']);
    assert.equal(await engines(), 0);
  });

  it('vxlan → host-gw', () => move(config({ Type: 'host-gw' }), /"BackendType":"host-gw"/, []));

  it('host-gw → udp', async () => {
    await move(config(), UDP, ['flannel0']);
    assert.equal(await engines(), 3);
  });
});
