/**
 * selvage doctor and what only the whole machine, its firmware or its clock has. A namespace has no neighbour table, no vmxnet3 and no clock of
 * its own, and no limit of connections: doctor's process is given the files that the kernel would show, in a mount namespace for it alone.
 * What it reads them with, the device, the connections and etcd are real.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { askDoctor, assertSays, assertWell } from '../../helpers/doctor.ts';
import { type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';
import { attachContainer } from '../../helpers/lab-container.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { leaseKey } from '../../helpers/leases.ts';
import { runsAs } from '../../helpers/runs-as.ts';
import { repair } from '../../helpers/scenario.ts';
import { V2Writer } from '../../helpers/v2-writer.ts';

const CONFIG = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
const CLOCK = 'http://192.168.64.1:2000';
/** A member of etcd as far as /health goes, whose clock is 100 s ahead. */
const FAST_CLOCK = `require('node:http').createServer((request, response) => {
  response.setHeader('Date', new Date(Date.now() + 100_000).toUTCString());
  response.end('{"health":"true"}');
}).listen(2000, '192.168.64.1', () => console.log('serves'))`;

describe('doctor and the machine', () => {
  let lab: Lab;
  let host: LabHost;
  labWith({ hosts: 1, config: CONFIG, etcdArgs: ['--enable-v2'] }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await repair(host);
    await attachContainer(host);
  });

  /** /proc and /sys as of a machine with `entries` neighbours of 1024, room for `connections`, and `driver` as its card's. */
  const machine = (entries: number, connections: number, driver: string): string => `
    mount -t tmpfs none /run
    mkdir -p /run/neigh/default /run/net/eth0/device /run/net/flannel.1 /run/systemd/network
    echo 1024 > /run/neigh/default/gc_thresh3
    mount --bind /run/neigh /proc/sys/net/ipv4/neigh
    mkdir -p /run/own/stat
    for file in snmp netstat udp udp6 netlink; do cat /proc/$$/net/$file > /run/own/$file || :; done
    printf 'entries  allocs  destroys  table_fulls\\n%08x  0  0  0\\n' ${entries} > /run/own/stat/arp_cache
    mount --bind /run/own /proc/$$/net
    echo ${connections} > /run/most
    mount --bind /run/most /proc/sys/net/netfilter/nf_conntrack_max
    for file in eth0/ifindex flannel.1/ifindex flannel.1/addr_assign_type; do cat /sys/class/net/$file > /run/net/$file; done
    ln -s ../../drivers/${driver} /run/net/eth0/device/driver
    mount --bind /run/net /sys/class/net
    printf '[Match]\\nOriginalName=flannel*\\n[Link]\\nMACAddressPolicy=persistent\\n' > /run/systemd/network/10-all.link`;

  it('tables that are full, a card that computes checksums wrongly, a clock, a key, two configs, a range of Docker', async () => {
    const key = join(host.folder, 'client.key');
    const certificate = join(host.folder, 'client.crt');
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=client -days 2 -keyout ${key} -out ${certificate}`;
    const made = await host.ns.exec('openssl', ...words.split(' '));
    assert.equal(made.code, 0, made.stderr);
    await host.ns.exec('chmod', '0644', key);
    const flags = [`--etcd-keyfile=${key}`, `--etcd-certfile=${certificate}`];
    writeFileSync(
      join(host.folder, 'daemon.json'),
      JSON.stringify({ 'default-address-pools': [{ base: '10.5.128.0/17', size: 24 }] }),
    );
    const v2 = new V2Writer(lab);
    await v2.set(`${PREFIX}/config`, JSON.stringify(CONFIG));
    // Some connections that are tracked: what the host asks of etcd.
    await host.ns.exec('nft', 'add table inet track; add chain inet track out { type filter hook output priority 0; }');
    await host.ns.exec('nft', 'add rule inet track out ct state new accept');
    // As somebody makes it who leaves the MAC to the kernel.
    await host.ns.ipBatch([
      'link del flannel.1',
      `link add flannel.1 type vxlan id 1 dev eth0 local ${host.address} dstport 8472 nolearning`,
    ]);
    const clock = lab.underlay.spawn(process.execPath, ['-e', FAST_CLOCK], { stdio: ['ignore', 'pipe', 'inherit'] });
    const udev = runsAs(host, 'systemd-udevd');
    try {
      await new Promise((resolve) => clock.stdout!.once('data', resolve));
      const ill = await askDoctor(host, [`--etcd-endpoints=${lab.etcd.endpoint},${CLOCK}`, ...flags], {
        prepare: machine(1000, 1, 'vmxnet3'),
      });
      assertSays(ill, 'neighbour-table', 'wrong', /1000 of 1024 entries/);
      assertSays(ill, 'conntrack', 'wrong', /\d+ of 1 connections/);
      assertSays(ill, 'checksum', 'warning', /eth0 is a vmxnet3/);
      assertSays(ill, 'mac-policy', 'warning', /flannel\.1 has a MAC that the kernel drew.*10-all\.link/);
      assertSays(ill, 'clock', 'warning', /192\.168\.64\.1:2000 is (9\d|10\d) s ahead of/);
      assertSays(ill, 'etcd-key', 'warning', /client\.key may be read by everybody/);
      assertSays(ill, 'store-memory', 'warning', /Both of etcd's APIs hold a network config/);
      assertSays(ill, 'docker-ranges', 'warning', /default-address-pools .* has 10\.5\.128\.0\/17/);

      await host.ns.exec('chmod', '0600', key);
      writeFileSync(join(host.folder, 'daemon.json'), '{}');
      await v2.delete(`${PREFIX}/config`);
      await host.ip('link', 'del', 'flannel.1');
      await repair(host);
      const well = await askDoctor(host, flags, { prepare: machine(10, 4096, 'e1000') });
      assertWell(well, 'neighbour-table');
      assertWell(well, 'conntrack');
      assertWell(well, 'checksum');
      assertWell(well, 'mac-policy');
      assertWell(well, 'clock');
      assertWell(well, 'etcd-key');
      assertWell(well, 'store-memory');
      assertWell(well, 'docker-ranges');
    } finally {
      clock.kill('SIGKILL');
      udev.kill('SIGKILL');
    }
  });

  it('what it may not look at, and what it may not keep; and a lease that is gone', async () => {
    const asked = await askDoctor(host, [], {
      prepare: 'exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$@"',
    });
    assertSays(asked, 'permission', 'unknown', /CAP_NET_ADMIN is missing/);
    assertSays(asked, 'forward', 'unknown', /takes CAP_NET_ADMIN/);
    assertSays(asked, 'firewall-usable', 'warning', /may not be looked at or changed/);
    await lab.delete(leaseKey(PREFIX, host.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\//, '.0/')));
    assertSays(await askDoctor(host), 'lease', 'wrong', /has no lease yet/);
    await repair(host);
    const well = await askDoctor(host);
    assertWell(well, 'lease');
    assertWell(well, 'permission');
    assertWell(well, 'forward');
    assertWell(well, 'firewall-usable');
  });
});
