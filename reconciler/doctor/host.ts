/** Owns the checks of the host: its uplink, its settings, who keeps its part of the network, and who meddles. */
import { COVERS } from '../desired/refusals.ts';
import { type Check, fromHeld, notSeen, saysHeld, some, unknown, warning, wrong } from './check.ts';
import type { Facts } from './facts.ts';

const NETWORKD_KEYS = {
  routes: 'ManageForeignRoutes',
  rules: 'ManageForeignRoutingPolicyRules',
  nexthops: 'ManageForeignNextHops',
} as const;

/** Of this host's devices of flannel. */
const deviceOf = (facts: Facts): readonly string[] => {
  const wanted = facts.look?.devices ?? [];
  return wanted.length ? wanted : facts.devices.map(({ name }) => name).filter((name) => name.startsWith('flannel'));
};

export const hostChecks: readonly Check[] = [
  {
    id: 'uplink',
    category: 'host',
    title: 'the external interface is the right one',
    covers: ['pain 24', 'pain 25', 'pain 22'],
    claims: ({ why }) => why === 'no external interface' || why.startsWith('default route on '),
    look: ({ failure }, held) => (failure?.what === 'host' ? [wrong(failure.sentence, '')] : fromHeld(held)),
    cure: 'Name it with --iface.',
    page: 'Other hosts send to the address of the external interface, which is that of the default route unless `--iface` names another. With VirtualBox and Vagrant every machine has 10.0.2.15 on its first one. At boot there may be no default route yet: selvage waits for it, flanneld ends. selvage follows an address that changes; flanneld needs a restart.',
  },
  {
    id: 'forwarding',
    category: 'host',
    title: 'this host forwards packets',
    covers: ['doctor 1'],
    claims: ({ kind, why }) => kind === 'sysctl' && why === 'forwarding is off',
    look: (facts, held) => {
      if (held.length) return fromHeld(held, 'wrong');
      if (facts.look) return [];
      return facts.sysctl('net.ipv4.ip_forward') === '0'
        ? [wrong('net.ipv4.ip_forward is 0, so this host passes nothing between containers and the overlay.')]
        : [];
    },
    cure: 'sysctl -w net.ipv4.ip_forward=1, and the same in /etc/sysctl.d.',
    page: 'Each device has a setting of its own (`net.ipv4.conf.*.forwarding`), and the one that a packet comes in by decides. dockerd sets `net.ipv4.ip_forward` when it starts, with its iptables backend; its nftables backend does not, and flannel never does. A `sysctl --system` or a hardening script that sets it to 0 later cuts all containers off. On its own devices selvage puts it right.',
  },
  {
    id: 'reverse-path',
    category: 'host',
    title: 'no filter by reverse path drops what comes by another way',
    covers: ['doctor 5', 'doctor 5b'],
    claims: ({ kind }) => kind === 'sysctl',
    rest: true,
    look: saysHeld,
    cure: 'sysctl -w net.ipv4.conf.DEVICE.rp_filter=2',
    page: 'A strict filter (1) drops a packet that does not come in by the device by which it would be answered; the higher of the settings of `all` and of the device is in force. `IPReversePathFilter` in /proc/net/netstat counts them (`selvage doctor --probe` tells whether it grows). selvage sets its own devices to 2. For IPv6 there is no such setting; firewalld does it by a rule of its own (`IPv6_rpfilter`), and selvage makes no IPv6 overlay yet.',
  },
  {
    id: 'cut-off',
    category: 'host',
    title: 'no lease covers what this host must go on reaching',
    covers: ['pain 7'],
    claims: ({ why }) => why === COVERS || why === 'impossible address',
    look: saysHeld,
    cure: 'Delete that lease, or choose a Network that nothing else uses.',
    page: 'A subnet that covers the uplink, the gateway, etcd or a name server would cut the host off from it, and so is never put in force.',
  },
  {
    id: 'agent',
    category: 'host',
    title: "one agent keeps this host's part of the network",
    covers: ['pain 26', 'pain 30'],
    look: ({ agent }) => {
      if (agent.selvage !== undefined && agent.flanneld)
        return [
          warning(
            `selvage (pid ${agent.selvage}) and flanneld both run here; they do not fight, but only one should.`,
            'Stop one of them: systemctl disable --now flanneld',
          ),
        ];
      if (agent.selvage !== undefined || agent.flanneld) return [];
      return [warning('Neither selvage nor flanneld runs here: nothing is followed, and the lease is not renewed.')];
    },
    cure: 'systemctl enable --now selvage, or run selvage --once from a timer.',
    page: 'Without a daemon the host stays as it is: new peers are not reached, what somebody removes stays away, and when the lease has run out (a day) the others forget this host. With `selvage --once` from a timer that is as it should be, and this warning can be passed over.',
  },
  {
    id: 'permission',
    category: 'host',
    title: 'all of it could be looked at',
    covers: ['doctor 31'],
    look: ({ permitted }) =>
      permitted
        ? []
        : [unknown('CAP_NET_ADMIN is missing, so neither firewall nor IPsec can be seen.', 'Run it as root.')],
    cure: 'Run it as root.',
    page: 'In a container without CAP_NET_ADMIN neither selvage nor flanneld can change anything, and the firewall is not shown to them. No security module is known that keeps root from using netlink.',
  },
  {
    id: 'networkd-foreign',
    category: 'host',
    title: "systemd-networkd leaves others' routes alone",
    covers: ['doctor 15', 'pain 1', 'pain 2'],
    look: ({ services: { networkd } }) => {
      if (!networkd) return undefined;
      if (!networkd.removes.length) return [];
      const lines = networkd.removes.map((what) => `${NETWORKD_KEYS[what]}=no`).join(', ');
      return [
        warning(
          `systemd-networkd removes ${networkd.removes.join(', ')} of others whenever it starts; a running selvage puts them back within milliseconds, flanneld doesn't.`,
          `Put ${lines} under [Network] into /etc/systemd/networkd.conf.d/10-selvage.conf, and restart systemd-networkd.`,
        ),
      ];
    },
    cure: '',
    page: 'Since 246 (routes), 249 (rules) and 256 (nexthop objects, and with them their routes) networkd takes away whatever it did not make itself, at its start and so at `netplan apply` and at an upgrade of systemd. The keys are read from networkd.conf and its drop-ins.',
  },
  {
    id: 'networkd-manages',
    category: 'host',
    title: "systemd-networkd doesn't manage flannel's device",
    covers: ['doctor 16', 'pain 23'],
    look: ({ services: { networkd }, ...facts }) => {
      if (!networkd) return undefined;
      const managed = deviceOf(facts as Facts).filter((name) => networkd.manages.includes(name));
      return managed.length
        ? [
            wrong(
              `systemd-networkd manages ${managed.join(', ')}, and will put addresses of its own on it or take it down.`,
            ),
          ]
        : [];
    },
    cure: 'Put [Match] Name=flannel* and [Link] Unmanaged=yes into /etc/systemd/network/05-flannel.network, and restart systemd-networkd.',
    page: 'A .network file that matches everything (`Name=*`, `Type=ether`) makes networkd run DHCP or link-local addressing on flannel.1: that is where the 169.254 address comes from on which flannel 0.11 ends ("incompatible addresses").',
  },
  {
    id: 'networkmanager',
    category: 'host',
    title: "NetworkManager doesn't manage flannel's device",
    covers: ['doctor 17', 'pain 1'],
    look: ({ services: { networkManager }, ...facts }) => {
      if (!networkManager) return undefined;
      const managed = deviceOf(facts as Facts).filter((name) => networkManager.manages.includes(name));
      return managed.length ? [wrong(`NetworkManager manages ${managed.join(', ')}.`)] : [];
    },
    cure: 'Put [keyfile] unmanaged-devices=interface-name:flannel*;interface-name:docker0;interface-name:veth* into /etc/NetworkManager/conf.d/flannel.conf, and nmcli general reload.',
    page: 'NetworkManager may take a device down that it manages, or give it addresses. It leaves devices that others made unmanaged unless it was told otherwise.',
  },
  {
    id: 'mac-policy',
    category: 'host',
    title: "udev leaves flannel's MAC alone",
    covers: ['doctor 14', 'pain 3', 'pain 5'],
    look: (facts) => {
      const { services, devices } = facts;
      const names = deviceOf(facts).filter((name) => services.macPolicy[name] !== undefined);
      // With a MAC that somebody has set udev leaves it as it is.
      const rewritten = names.filter((name) => devices.find((one) => one.name === name)?.macOrigin === 1);
      return rewritten.map((name) =>
        warning(
          `${name} has a MAC that the kernel drew, and ${services.macPolicy[name]} lets udev rewrite it; the lease would still name the old one.`,
        ),
      );
    },
    cure: 'Put [Match] OriginalName=flannel* and [Link] MACAddressPolicy=none into /etc/systemd/network/50-flannel.link, delete the device and run selvage --once.',
    page: "systemd's 99-default.link (`MACAddressPolicy=persistent`, from 242) rewrites the MAC of virtual devices after they were made; flannel before 0.15.1 had published the old one by then, and every peer sent to a MAC that nobody had. selvage and later flannels give the MAC when they make the device, which udev respects. selvage's MAC is the same after a reboot.",
  },
  {
    id: 'foreign-addresses',
    category: 'host',
    title: "nobody else has put addresses on flannel's device",
    covers: ['doctor 18', 'pain 23'],
    claims: ({ kind, why }) => kind === 'address' && why === 'foreign address',
    look: saysHeld,
    cure: 'Keep DHCP clients off it: denyinterfaces flannel* veth* docker* in dhcpcd.conf.',
    page: 'dhcpcd, avahi-autoipd and connman give an address to every device that they see. selvage leaves it and works on; flannel 0.11 ends.',
  },
  {
    id: 'address-unique',
    category: 'host',
    title: "no other host has this host's public address",
    covers: ['doctor 11', 'pain 24'],
    claims: ({ why }) =>
      /^(taken over by its address|named another host|written by another host|own address)$/.test(why),
    look: (facts, held) => {
      const { look } = facts;
      if (!look?.host) return notSeen();
      const same = look.leases
        .filter(({ attrs }) => attrs.publicIP === look.host!.publicIP)
        .map(({ subnet }) => subnet);
      // What the look holds says it with the subnet of the other.
      if (held.length || same.length < 2) return fromHeld(held, 'wrong');
      return [
        wrong(
          `${same.length} leases (${some(same)}) name this host's address ${look.host.publicIP}, so two hosts share it or an old lease was left.`,
        ),
      ];
    },
    cure: 'Give each host its own address with --iface or --public-ip, and delete the lease that is left.',
    page: 'flannel tells hosts apart by their public address. Two that have the same one (Vagrant, a cloned machine, NAT) share a lease and rewrite it in turn: only one of them is reached.',
  },
];
