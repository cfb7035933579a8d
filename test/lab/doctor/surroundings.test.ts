/** selvage doctor and what others have done to a host: services, packet filters, tables that run full, an address that another host has. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askDoctor, assertSays, assertWell, type Breakage, breakAll } from '../../helpers/doctor.ts';
import { type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';
import { attachContainer } from '../../helpers/lab-container.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { fakePeer, leaseKey, leaseValue } from '../../helpers/leases.ts';
import { runsAs } from '../../helpers/runs-as.ts';
import { repair } from '../../helpers/scenario.ts';

const CONFIG = { Network: '10.0.0.0/8', SubnetMin: '10.130.0.0', Backend: { Type: 'vxlan' } };

describe('doctor and what others have done', () => {
  let lab: Lab;
  let host: LabHost;
  labWith({ hosts: 1, config: CONFIG }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await repair(host);
    await attachContainer(host);
    await host.ns.ipBatch(['link set vethc mtu 1450', 'link set docker0 mtu 1450']);
    await repair(host);
  });
  const lease = (
    block: number,
    value: (peer: ReturnType<typeof fakePeer>) => string,
  ): Pick<Breakage, 'break' | 'mend'> => {
    const peer = fakePeer(block);
    const key = leaseKey(PREFIX, peer.subnet);
    return { break: () => lab.put(key, value(peer)), mend: () => lab.delete(key) };
  };
  const run =
    (command: string): (() => Promise<unknown>) =>
    async () => {
      const { code, stderr } = await host.ns.exec('sh', '-ec', command);
      assert.equal(code, 0, `${command}: ${stderr}`);
    };

  it('an address that another lease has, a policy of IPsec, and tables of others', async () => {
    const subnet = host.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\//, '.0/');
    await lease(1, leaseValue).break();
    const peer = fakePeer(1).publicIP;
    await breakAll(host, [
      {
        id: 'address-unique',
        level: 'wrong',
        says: /192\.168\.64\.2/,
        ...lease(2, (one) => leaseValue({ ...one, publicIP: host.address })),
      },
      {
        id: 'ipsec',
        level: 'warning',
        says: new RegExp(`dst ${peer}/32 dir out`),
        break: run(
          `ip xfrm policy add src ${host.address}/32 dst ${peer}/32 proto udp dir out tmpl src ${host.address} dst ${peer} proto esp mode transport`,
        ),
        mend: run('ip xfrm policy flush'),
      },
    ]);
    await lease(1, leaseValue).mend();
    await repair(host);
    await breakAll(host, [
      {
        id: 'masquerade',
        level: 'wrong',
        says: /Docker masquerades/,
        break: run(
          `iptables-nft -t nat -A POSTROUTING -s ${subnet} ! -o docker0 -j MASQUERADE; nft list tables | sed -n 's/^table ip \\(selvage[^ ]*\\)$/delete table ip \\1/p' | nft -f -`,
        ),
        mend: async () => {
          await run(`iptables-nft -t nat -D POSTROUTING -s ${subnet} ! -o docker0 -j MASQUERADE`)();
          await repair(host);
        },
      },
    ]);
  });

  it("Docker 28's rule in raw, where selvage keeps no rules", async () => {
    const container = host.subnetEnv()!.FLANNEL_SUBNET!.replace(/\.1\/.*/, '.2');
    const rule = `PREROUTING -d ${container}/32 ! -i docker0 -j DROP`;
    await breakAll(
      host,
      [
        {
          id: 'docker-raw',
          level: 'wrong',
          says: /raw PREROUTING/,
          break: run(`iptables-nft -t raw -A ${rule}`),
          mend: run(`iptables-nft -t raw -D ${rule}`),
        },
        {
          id: 'forward',
          level: 'wrong',
          says: /FORWARD drops by its policy/,
          break: run('iptables-nft -P FORWARD DROP'),
          mend: run('iptables-nft -P FORWARD ACCEPT'),
        },
      ],
      ['--iptables-forward-rules=false'],
    );
    await repair(host);
  });

  it('subnets that run out, a peer off the link, no default route, a subnet.env that is none', async () => {
    await lab.putConfig({ ...CONFIG, SubnetMin: '10.130.0.0', SubnetMax: '10.130.0.0' });
    assertSays(await askDoctor(host), 'room', 'warning', /[01] of 1 subnets (is|are) free/);
    await lab.putConfig(CONFIG);
    assertWell(await askDoctor(host), 'room');
    await breakAll(host, [
      {
        id: 'uplink',
        level: 'wrong',
        says: /external interface|default route/,
        break: () => host.ip('route', 'del', 'default'),
        mend: () => host.ip('route', 'add', 'default', 'via', '192.168.64.1'),
      },
    ]);
    await lab.putConfig({ ...CONFIG, Backend: { Type: 'host-gw' } });
    await breakAll(host, [
      {
        id: 'on-link',
        level: 'wrong',
        says: /not on the link of eth0/,
        ...lease(3, ({ publicIP }) => `{"PublicIP":"${publicIP}","PublicIPv6":null,"BackendType":"host-gw"}`),
      },
      {
        id: 'foreign',
        level: 'wrong',
        says: /subnet\.env/,
        break: run(`mv ${host.subnetFile} ${host.subnetFile}.kept && mkdir ${host.subnetFile}`),
        mend: run(`rmdir ${host.subnetFile} && mv ${host.subnetFile}.kept ${host.subnetFile}`),
      },
    ]);
    await lab.putConfig(CONFIG);
    await repair(host);
  });

  it('systemd-networkd and NetworkManager that were told to manage everything', async () => {
    const meddlers = ['systemd-networkd', 'NetworkManager'].map((name) => runsAs(host, name));
    const index = (await host.ns.ipJson('link', 'show', 'flannel.1'))[0]!.ifindex!;
    const folders = `mount -t tmpfs none /run
      mkdir -p /run/systemd/netif/links /run/NetworkManager/devices`;
    const told = `${folders}
      echo ADMIN_STATE=configured > /run/systemd/netif/links/${index}
      printf '[device]\\nmanaged=true\\n' > /run/NetworkManager/devices/${index}`;
    try {
      const ill = await askDoctor(host, [], { prepare: told });
      assertSays(ill, 'networkd-manages', 'wrong', /manages flannel\.1/);
      assertSays(ill, 'networkmanager', 'wrong', /manages flannel\.1/);
      const well = await askDoctor(host, [], { prepare: folders });
      assertWell(well, 'networkd-manages');
      assertWell(well, 'networkmanager');
    } finally {
      for (const meddler of meddlers) meddler.kill('SIGKILL');
    }
  });
});
