/** What keeps packets from passing though all is in place: mended where it is ours, said where it is not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { assertDrift, assertInSync, daemonOn, holds, repair } from '../helpers/scenario.ts';

describe('what stands in the way of packets', () => {
  let lab: Lab;
  let host: LabHost;
  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await repair(host);
    await host.attachContainerNet();
    await assertInSync(host);
  });

  it('forwarding that is off on a device of ours is mended, also where the default is off when it is made', async () => {
    await host.ns.sysctl('net.ipv4.conf.flannel/1.forwarding', '0');
    const { drift } = await assertDrift(host, ['link flannel.1']);
    assert.deepEqual(drift[0]?.fields, ['forwarding']);
    await repair(host);
    await assertInSync(host);
    await host.ns.sysctl('net.ipv4.conf.default.forwarding', '0');
    await host.ip('link', 'del', 'flannel.1');
    await repair(host);
    await assertInSync(host);
    await host.ns.sysctl('net.ipv4.conf.default.forwarding', '1');
  });

  it('forwarding that is off on a bridge, or on the uplink that peers are reached by, is said', async () => {
    for (const dev of ['cni0', 'eth0']) await host.ns.sysctl(`net.ipv4.conf.${dev}.forwarding`, '0');
    const said = (dev: string) => `sysctl net.ipv4.conf.${dev}.forwarding: forwarding is off`;
    const tunnelled = holds(await assertInSync(host));
    assert.deepEqual([tunnelled.includes(said('cni0')), tunnelled.includes(said('eth0'))], [true, false]);
    await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', DirectRouting: true } });
    assert.ok(holds(await repair(host)).includes(said('eth0')));
    for (const dev of ['cni0', 'eth0']) await host.ns.sysctl(`net.ipv4.conf.${dev}.forwarding`, '1');
    assert.deepEqual(holds(await assertInSync(host)), []);
  });

  it('a daemon mends or says it by the edge', async () => {
    await lab.putConfig({ Network: '10.5.0.0/16', Backend: { Type: 'vxlan', DirectRouting: true } });
    const daemon = await daemonOn(host);
    const said = (dev: string) => `sysctl net.ipv4.conf.${dev}.forwarding: forwarding is off`;
    const whole = 'sysctl net.ipv4.ip_forward: forwarding is off';
    const hears = async (what: string, is: boolean) =>
      eventually(async () => holds((await host.lastReport())!).includes(what) === is, { what: `${what}: ${is}` });
    try {
      await host.ns.sysctl('net.ipv4.conf.flannel/1.forwarding', '0');
      await eventually(
        async () => (await host.ns.exec('sysctl', '-n', 'net.ipv4.conf.flannel/1.forwarding')).stdout.trim() === '1',
        {
          what: 'forwarding to be on again',
        },
      );
      for (const dev of ['cni0', 'eth0']) {
        await host.ns.sysctl(`net.ipv4.conf.${dev}.forwarding`, '0');
        await hears(said(dev), true);
        await host.ns.sysctl(`net.ipv4.conf.${dev}.forwarding`, '1');
        await hears(said(dev), false);
      }
      await host.ns.sysctl('net.ipv4.ip_forward', '0');
      await hears(whole, true);
      await host.ns.sysctl('net.ipv4.ip_forward', '1');
      await hears(whole, false);
    } finally {
      await daemon.kill();
    }
  });

  it('a foreign address on a device of ours is kept, and said', async () => {
    await host.ip('address', 'add', '192.168.64.2/32', 'dev', 'flannel.1');
    const { held } = await assertInSync(host);
    assert.match(
      held[0]?.detail ?? '',
      /flannel\.1 has the address 192\.168\.64\.2\/32, which selvage did not give it/,
    );
    await repair(host);
    assert.match(await host.ip('address', 'show', 'dev', 'flannel.1'), /192\.168\.64\.2/);
    await host.ip('address', 'del', '192.168.64.2/32', 'dev', 'flannel.1');
  });
});
