/** What the netlink tests share: a namespace with an uplink, the objects of a vxlan network, and changes made of them. */

import { type NetlinkDriver, type NetlinkOptions, openNetlink } from '../../../../drivers/netlink/driver.ts';
import type { Change, Interest, Outcome } from '../../../../reconciler/contracts/driver.ts';
import type {
  Address,
  Fdb,
  Have,
  Link,
  Neighbour,
  Nexthop,
  Resource,
  Route,
} from '../../../../reconciler/kinds/index.ts';
import { idOf } from '../../../../reconciler/kinds/index.ts';
import type { VxlanTunnel } from '../../../../reconciler/tunnels/vxlan.ts';
import { connect, createNetns, type Netns } from '../../../helpers/netns.ts';

export const UPLINK_ADDRESS = '192.0.2.1';

export interface Fixture {
  ns: Netns;
  far: Netns;
  driver: NetlinkDriver;
  close(): Promise<void>;
}

/** A namespace whose eth0 (192.0.2.1/24) leads to another one. */
export async function fixture(label: string, options: NetlinkOptions = {}): Promise<Fixture> {
  const ns = await createNetns(label);
  const far = await createNetns(`${label}-far`);
  await connect(ns, 'eth0', far, 'eth0');
  await ns.ip('address', 'add', `${UPLINK_ADDRESS}/24`, 'dev', 'eth0');
  const driver = openNetlink({ netns: ns.path, ...options });
  return {
    ns,
    far,
    driver,
    close: async () => {
      await driver.close();
      await Promise.all([ns.destroy(), far.destroy()]);
    },
  };
}

export const interest: Interest = { networks: ['10.5.0.0/16'], devices: ['flannel.1'], uplink: 'eth0', files: [] };

export const vtep: Link & { tunnel: VxlanTunnel } = {
  kind: 'link',
  name: 'flannel.1',
  type: 'vxlan',
  up: true,
  mac: '02:11:22:33:44:55',
  mtu: 1450,
  alias: 'selvage:/coreos.com/network',
  master: '',
  rpFilter: 2,
  tunnel: { type: 'vxlan', vni: 1, port: 8472, local: UPLINK_ADDRESS, parent: 'eth0', learning: false, gbp: false },
};

export const vtepAddress: Address = { kind: 'address', dev: 'flannel.1', address: '10.5.1.0/32' };

/** The n-th peer's four objects; up to 65,000 of them fit into 10.0.0.0/8 as /24 subnets. */
export function peer(n: number): { neighbour: Neighbour; fdb: Fdb; nexthop: Nexthop; route: Route } {
  const ip = `10.${5 + (n >> 8)}.${n & 255}.0`;
  const mac = `02:aa:00:00:${hex(n >> 8)}:${hex(n & 255)}`;
  const dev = 'flannel.1';
  const id = ((10 << 24) | ((5 + (n >> 8)) << 16) | ((n & 255) << 8)) >>> 0;
  const way = { dev, gateway: ip, onlink: true, protocol: 115, plain: true };
  return {
    neighbour: { kind: 'neighbour', dev, ip, mac, permanent: true, protocol: 115 },
    fdb: { kind: 'fdb', dev, mac, dst: `192.0.${2 + (n >> 8)}.${n & 255}`, permanent: true, plain: true },
    nexthop: { kind: 'nexthop', id, ...way },
    route: {
      kind: 'route',
      table: 254,
      dst: `${ip}/24`,
      tos: 0,
      metric: 0,
      ...way,
      nexthopId: id,
      type: 'unicast',
    },
  };
}

const hex = (n: number) => n.toString(16).padStart(2, '0');

/** In the order in which they are made. */
export const objectsOf = (n: number): Resource[] => {
  const { neighbour, fdb, nexthop, route } = peer(n);
  return [neighbour, fdb, nexthop, route];
};

export const create = (want: Resource): Change => ({ op: 'create', id: idOf(want), reason: 'missing', want });
export const remove = (have: Have): Change => ({ op: 'delete', id: idOf(have), reason: 'stale', have });
export const update = (have: Have, want: Resource, recreate = false): Change => ({
  op: 'update',
  id: idOf(want),
  reason: 'differs',
  want,
  have,
  fields: [],
  recreate,
});

/** "done", "noop" or the failure's kind and code of each. */
export const results = (outcomes: Outcome[]): string[] =>
  outcomes.map(({ result, failure }) => (failure ? `${failure.kind} ${failure.code}` : result));
