/** selvage doctor on a real host: for each check something that is broken on purpose, in a few runs for all of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askDoctor, assertSays, assertWell, type Breakage, breakAll, saidBy } from '../../helpers/doctor.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';
import { attachContainer, type LabContainer } from '../../helpers/lab-container.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { fakePeer, leaseKey, leaseValue } from '../../helpers/leases.ts';
import { runsAs } from '../../helpers/runs-as.ts';
import { repair } from '../../helpers/scenario.ts';

/** So large that no host's own subnet is one of the made-up peers'. */
const CONFIG = { Network: '10.0.0.0/8', SubnetMin: '10.130.0.0', Backend: { Type: 'vxlan' } };

describe('doctor on a host', () => {
  let lab: Lab;
  let host: LabHost;
  let other: LabHost;
  let container: LabContainer;
  labWith({ hosts: 2, config: CONFIG }, async (made) => {
    lab = made;
    [host, other] = lab.hosts as [LabHost, LabHost];
    await repair(host);
    await repair(other);
    await repair(host);
    container = await attachContainer(host);
    await host.ip('link', 'set', 'vethc', 'mtu', '1450');
    await host.ip('link', 'set', 'docker0', 'mtu', '1450');
  });
  const fakes = Array.from({ length: 12 }, (_, i) => fakePeer(i));
  /** A lease that is there while it is broken. */
  const lease = (i: number, value: string): Pick<Breakage, 'break' | 'mend'> => {
    const key = leaseKey(PREFIX, fakes[i]!.subnet);
    return { break: () => lab.put(key, value), mend: () => lab.delete(key) };
  };
  const sysctl = (name: string, bad: string, good: string): Pick<Breakage, 'break' | 'mend'> => ({
    break: () => host.ns.sysctl(name, bad),
    mend: () => host.ns.sysctl(name, good),
  });
  const ip = (bad: string, good: string): Pick<Breakage, 'break' | 'mend'> => ({
    break: () => host.ip(...bad.split(' ')),
    mend: () => host.ip(...good.split(' ')),
  });
  const nft = (bad: string, good: string): Pick<Breakage, 'break' | 'mend'> => ({
    break: () => host.ns.exec('nft', bad),
    mend: () => host.ns.exec('nft', good),
  });

  it('finds nothing wrong where nothing is, changes nothing, and says so to people', async () => {
    const before = [await host.dump(), await lab.revision()];
    const asked = await askDoctor(host);
    assert.deepEqual(
      asked.document.checks.filter(({ level }) => level === 'wrong'),
      [],
    );
    const { stdout, code } = await host.selvage(['doctor', '--format=table']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /√ devices, routes, ARP and FDB entries are as etcd says\n/);
    assert.deepEqual([await host.dump(), await lab.revision()], before);
    await container.ns.exec('true');
  });

  it('says of each what is so of settings, devices and routes', async () => {
    const subnet = host.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\//, '.0/');
    const peers = other.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\//, '.0/');
    await breakAll(host, [
      {
        id: 'forwarding',
        level: 'wrong',
        says: /net\.ipv4\.ip_forward is 0/,
        ...sysctl('net.ipv4.ip_forward', '0', '1'),
      },
      {
        id: 'reverse-path',
        level: 'warning',
        says: /eth0 filters strictly/,
        ...sysctl('net.ipv4.conf.eth0.rp_filter', '1', '0'),
      },
      {
        id: 'in-sync',
        level: 'wrong',
        says: /missing: route/,
        break: () => host.ip('route', 'del', peers),
        mend: () => repair(host),
      },
      {
        id: 'foreign-addresses',
        level: 'warning',
        says: /192\.168\.64\.2\/32/,
        ...ip('address add 192.168.64.2/32 dev flannel.1', 'address del 192.168.64.2/32 dev flannel.1'),
      },
      {
        id: 'mtu-path',
        level: 'wrong',
        says: /192\.168\.64\.3 \(1300\)/,
        ...ip('route add 192.168.64.3/32 dev eth0 mtu 1300', 'route del 192.168.64.3/32'),
      },
      {
        id: 'detours',
        level: 'wrong',
        says: /blackhole|prohibit/,
        ...ip(`rule add to ${subnet} prohibit priority 100`, 'rule del priority 100'),
      },
      {
        id: 'container-mtu',
        level: 'warning',
        says: /vethc 1500/,
        ...ip('link set vethc mtu 1500', 'link set vethc mtu 1450'),
      },
      {
        id: 'docker-subnet',
        level: 'wrong',
        says: /docker0 has 172\.30\.0\.1\/16/,
        break: () =>
          host.ns.ipBatch([
            `address del ${host.subnetEnv()!.FLANNEL_SUBNET} dev docker0`,
            'address add 172.30.0.1/16 dev docker0',
          ]),
        mend: () =>
          host.ns.ipBatch([
            'address del 172.30.0.1/16 dev docker0',
            `address add ${host.subnetEnv()!.FLANNEL_SUBNET} dev docker0`,
          ]),
      },
      {
        id: 'input',
        level: 'wrong',
        says: /nft inet shut in drops UDP 8472/,
        ...nft(
          'add table inet shut; add chain inet shut in { type filter hook input priority 0; policy drop; }; add rule inet shut in tcp dport 22 accept; add rule inet shut in ct state established accept',
          'delete table inet shut',
        ),
      },
      {
        id: 'forward',
        level: 'warning',
        says: /chain stop of the nftables table inet other/,
        ...nft(
          'add table inet other; add chain inet other stop { type filter hook forward priority 0; policy accept; }; add rule inet other stop ip daddr 10.0.0.0/8 tcp dport 80 drop',
          'delete table inet other',
        ),
      },
    ]);
  });

  it('says of each what is so of the leases', async () => {
    const [twice, again] = [fakes[0]!, fakes[1]!];
    await lab.put(leaseKey(PREFIX, twice.subnet), leaseValue(twice));
    await breakAll(host, [
      {
        id: 'vni',
        level: 'warning',
        says: /VNI is 1, and a lease names another: .*\(9\)/,
        ...lease(2, leaseValue(fakes[2]!, 9)),
      },
      {
        id: 'macs-once',
        level: 'wrong',
        says: new RegExp(`${twice.mac} is named`),
        ...lease(1, leaseValue({ ...again, mac: twice.mac })),
      },
      {
        id: 'addresses-once',
        level: 'wrong',
        says: new RegExp(`${twice.publicIP} is named`),
        ...lease(3, leaseValue({ ...fakes[3]!, publicIP: twice.publicIP })),
      },
      {
        id: 'moved',
        level: 'warning',
        says: /host-gw|other backend/,
        ...lease(4, `{"PublicIP":"${fakes[4]!.publicIP}","PublicIPv6":null,"BackendType":"host-gw"}`),
      },
      { id: 'leases', level: 'warning', says: /can't be read/, ...lease(5, '{') },
      {
        id: 'peers-served',
        level: 'warning',
        says: /names no usable VTEP/,
        ...lease(
          6,
          `{"PublicIP":"${fakes[6]!.publicIP}","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"nonsense"}}`,
        ),
      },
      {
        id: 'cut-off',
        level: 'wrong',
        says: /10\.128\.7\./,
        break: async () => {
          await host.ip('address', 'add', '10.128.7.9/28', 'dev', 'eth0');
          await lease(7, leaseValue(fakes[7]!)).break();
        },
        mend: async () => {
          await host.ip('address', 'del', '10.128.7.9/28', 'dev', 'eth0');
          await lease(7, '').mend();
        },
      },
    ]);
    await lab.delete(leaseKey(PREFIX, twice.subnet));
    await repair(host);
  });

  it('says what is so of config and store', async () => {
    await lab.putConfig('{"Network":');
    assertSays(await askDoctor(host), 'config', 'wrong', /config/);
    const well = await breakAll(host, [
      {
        id: 'config-fits',
        level: 'warning',
        says: /Backend\.MTU 9000/,
        break: () => lab.putConfig({ ...CONFIG, Backend: { Type: 'vxlan', MTU: 9000 } }),
        mend: () => lab.putConfig(CONFIG),
      },
      {
        id: 'older-hosts',
        level: 'warning',
        says: /names no VNI/,
        ...lease(
          8,
          `{"PublicIP":"${fakes[8]!.publicIP}","BackendType":"vxlan","BackendData":{"VtepMAC":"${fakes[8]!.mac}"}}`,
        ),
      },
    ]);
    assertWell(well, 'config');
    const nowhere = await askDoctor(host, ['--etcd-endpoints=http://192.168.64.1:1', '--state-cache=none']);
    assertSays(nowhere, 'store-heard', 'wrong', /refused the connection/);
    assertSays(nowhere, 'in-sync', 'unknown', /can't be told without/);
    const half = await askDoctor(host, [`--etcd-endpoints=${lab.etcd.endpoint},http://192.168.64.1:1`]);
    assertSays(half, 'etcd-members', 'warning', /192\.168\.64\.1:1/);
    assertWell(half, 'store-heard');
  });

  it('says who keeps the host, and who meddles', async () => {
    assertSays(await askDoctor(host), 'agent', 'warning', /Neither selvage nor flanneld/);
    const daemon = host.startDaemon();
    const meddler = runsAs(host, 'systemd-networkd');
    try {
      const asked = await eventually(
        async () => {
          const one = await askDoctor(host);
          return saidBy(one, 'agent')?.level === 'ok' ? one : undefined;
        },
        { what: 'doctor to see the daemon', timeout: 60_000 },
      );
      assertWell(asked, 'agent');
      assertWell(asked, 'etcd-members');
      assertSays(asked, 'networkd-foreign', 'warning', /systemd-networkd removes routes/);
      // As the sentence says to.
      const told = await askDoctor(host, [], {
        prepare: `mount -t tmpfs none /run
          mkdir -p /run/systemd/networkd.conf.d
          printf '[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\nManageForeignNextHops=no\\n' > /run/systemd/networkd.conf.d/10-selvage.conf`,
      });
      assertWell(told, 'networkd-foreign');
    } finally {
      meddler.kill('SIGKILL');
      await daemon.kill();
    }
    assert.equal(saidBy(await askDoctor(host), 'networkd-foreign'), undefined);
  });

  it('says that a peer sends to a MAC that this host does not have', async () => {
    assertWell(await askDoctor(host), 'stale-mac');
    const gateway = host.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\/.*/, '.0');
    const wrongMac = '02:00:00:00:00:99';
    await other.ip('neigh', 'replace', gateway, 'lladdr', wrongMac, 'dev', 'flannel.1', 'nud', 'permanent');
    await other.ns.exec('bridge', 'fdb', 'append', wrongMac, 'dev', 'flannel.1', 'dst', host.address);
    await other.ns.exec('ping', '-c', '2', '-i', '0.2', '-W', '1', gateway);
    assertSays(await askDoctor(host), 'stale-mac', 'warning', /2 frames came to flannel\.1 for another MAC/);
    await repair(other);
  });

  it('says that the port of the tunnel is taken', async () => {
    await host.ip('link', 'del', 'flannel.1');
    const script = "require('dgram').createSocket('udp4').bind(8472, () => console.log('bound'))";
    const squatter = host.ns.spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await new Promise((resolve) => squatter.stdout!.once('data', resolve));
      assertSays(await askDoctor(host), 'taken', 'wrong', /8472/);
    } finally {
      squatter.kill('SIGKILL');
    }
    await repair(host);
    assertWell(await askDoctor(host), 'taken');
  });
});
