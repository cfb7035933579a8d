/** Owns what others have put on a host, and whether it is still as they left it. */
import { idOf, type Resource, SELVAGE_PROTOCOL } from '../../reconciler/kinds/index.ts';
import { device } from '../helpers/hosts.ts';
import { populate } from '../helpers/model-driver.ts';
import type { ModelKernel } from '../helpers/model-kernel.ts';
import type { Random } from './random.ts';

const route = {
  kind: 'route',
  table: 254,
  tos: 0,
  metric: 0,
  gateway: '',
  onlink: false,
  nexthopId: 0,
  type: 'unicast',
  plain: true,
} as const;
const vxlan = (vni: number, port: number) =>
  ({ type: 'vxlan', vni, port, local: '', parent: 'eth0', learning: true, gbp: false }) as const;

/** None of it stands under what is ours, so that the kernel never takes it away with something of ours. */
const THINGS: readonly Resource[][] = [
  [{ ...route, dst: '172.30.0.0/16', dev: 'eth0', gateway: '192.168.64.1', protocol: 3 }],
  // Inside the network, but of another metric or table: somebody has a reason.
  [{ ...route, dst: '10.5.77.0/24', dev: 'eth0', metric: 600, protocol: 4 }],
  [{ ...route, dst: '10.5.0.0/16', dev: 'eth0', table: 100, protocol: 4 }],
  [
    device('vxlan0', { type: 'vxlan', tunnel: vxlan(99, 4789), mac: '02:99:00:00:00:01' }),
    { kind: 'address', dev: 'vxlan0', address: '172.31.0.1/24' },
    { kind: 'fdb', dev: 'vxlan0', mac: '02:99:00:00:00:02', dst: '198.51.100.7', permanent: true, plain: true },
  ],
  // Another instance of selvage.
  [
    device('flannel.9', {
      type: 'vxlan',
      tunnel: vxlan(9, 8472),
      alias: 'selvage:/other/network',
      mac: '02:98:00:00:00:01',
    }),
    { kind: 'address', dev: 'flannel.9', address: '10.77.1.0/32' },
    {
      kind: 'neighbour',
      dev: 'flannel.9',
      ip: '10.77.2.0',
      mac: '02:98:00:00:00:02',
      permanent: true,
      protocol: SELVAGE_PROTOCOL,
    },
    { ...route, dst: '10.77.2.0/24', dev: 'flannel.9', gateway: '10.77.2.0', onlink: true, protocol: SELVAGE_PROTOCOL },
  ],
  [{ kind: 'neighbour', dev: 'eth0', ip: '192.168.64.1', mac: '02:97:00:00:00:01', permanent: true, protocol: 0 }],
  [{ kind: 'nexthop', id: 77, dev: 'eth0', gateway: '192.168.64.1', onlink: false, protocol: 3, plain: true }],
  [{ kind: 'file', path: '/etc/hosts', content: '127.0.0.1 localhost\n', mode: 0o644 }],
];

export class Foreign {
  readonly #kernel: ModelKernel;
  readonly #things = new Map<string, string>();

  /** Puts some of it there. */
  constructor(kernel: ModelKernel, random: Random) {
    this.#kernel = kernel;
    const things = THINGS.filter(() => random.chance(0.5)).flat();
    populate(kernel, things);
    const ids = new Set(things.map(idOf));
    for (const id of ids) this.#things.set(id, JSON.stringify(kernel.find(id)));
  }

  /** Ids of what isn't as it was. */
  changed(): string[] {
    return [...this.#things].flatMap(([id, text]) => (JSON.stringify(this.#kernel.find(id)) === text ? [] : [id]));
  }
}
