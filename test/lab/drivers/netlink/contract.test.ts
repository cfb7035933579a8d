/** The driver over the real kernel keeps the contract of a driver; the same suite runs against the kernel in memory. */
import { after } from 'node:test';
import type { Resource } from '../../../../reconciler/kinds/index.ts';
import { destroyAll, type Netns } from '../../../helpers/netns.ts';
import { vxlanIn } from '../../../helpers/tunnels.ts';
import { driverContract } from '../../contract/driver-contract.ts';
import { fixture } from './fixture.ts';

after(destroyAll);

driverContract('the netlink driver', async () => {
  const { ns, driver, close } = await fixture('contract');
  return {
    driver,
    put: (resource) => put(ns, resource),
    removeNexthop: async (id) => {
      await ns.ip('nexthop', 'del', 'id', String(id));
    },
    setLink: async (name, { up, mac }) => {
      if (mac) await ns.ip('link', 'set', name, 'address', mac);
      if (up !== undefined) await ns.ip('link', 'set', name, up ? 'up' : 'down');
    },
    removeLink: async (name) => {
      await ns.ip('link', 'del', name);
    },
    close,
  };
});

/** As iproute2 would be asked to make it. */
async function put(ns: Netns, resource: Resource): Promise<void> {
  switch (resource.kind) {
    case 'link': {
      const vxlan = vxlanIn(resource);
      const kind = vxlan ? `vxlan id ${vxlan.vni} dstport ${vxlan.port || 8472} local ${vxlan.local}` : resource.type;
      await ns.ip('link', 'add', resource.name, 'type', ...kind.split(' '));
      return;
    }
    case 'neighbour': {
      const state = resource.permanent ? 'permanent' : 'reachable';
      await ns.ip('neigh', 'add', resource.ip, 'lladdr', resource.mac, 'dev', resource.dev, 'nud', state);
      return;
    }
    case 'route': {
      const { dst, gateway, dev, protocol, onlink } = resource;
      const way = ['via', gateway, 'dev', dev, 'proto', String(protocol), ...(onlink ? ['onlink'] : [])];
      await ns.ip('route', 'append', dst, ...way);
      return;
    }
    default:
      throw new Error(`the contract puts no ${resource.kind}`);
  }
}
