/** Owns how the network's config is changed while hosts run: where it moves without losing a packet, and where docs/backends.md says that it doesn't. */
import { CONFIG_KEY } from '../../helpers/store.ts';
import type { Fleet } from '../fleet.ts';
import type { Random } from '../random.ts';
import type { Shape } from '../schedule.ts';
import type { Fault } from './fault.ts';

interface Config {
  Network: string;
  SubnetLen?: number;
  Backend: Record<string, unknown>;
}

function change(fleet: Fleet, how: (config: Config) => Config): string {
  const before = JSON.parse(fleet.config) as Config;
  const after = how(before);
  for (const { Backend } of [before, after])
    if (Backend.Type === 'vxlan') fleet.excuses.tunnel(Number(Backend.VNI ?? 1), Number(Backend.Port ?? 8472));
  const next = JSON.stringify(after);
  fleet.configIs(next);
  fleet.store.put(CONFIG_KEY, next);
  return `the config becomes ${next}`;
}

/** From one path to another. */
function move(fleet: Fleet, how: (backend: Record<string, unknown>) => Record<string, unknown>): string {
  fleet.excuses.moving();
  // Leases of the v2 API name no VNI: nobody can tell who has moved.
  if (fleet.shape.api === 'v2') fleet.excuses.everybody('leases of etcd v2 do not tell which VNI their host has');
  return change(fleet, (config) => ({ ...config, Backend: how(config.Backend) }));
}

const vniMove = (fleet: Fleet, random: Random): string => {
  const vni = 1 + random.below(4);
  return move(fleet, ({ DirectRouting }) => ({ Type: 'vxlan', VNI: vni, ...(DirectRouting ? { DirectRouting } : {}) }));
};

const backendMove = (fleet: Fleet): string =>
  move(fleet, ({ Type }) => (Type === 'host-gw' ? { Type: 'vxlan' } : { Type: 'host-gw' }));

/** In place: no path changes. */
function tune(fleet: Fleet, random: Random): string {
  return change(fleet, (config) => {
    if (config.Backend.Type !== 'vxlan') return { ...config, Backend: { ...config.Backend } };
    const more = random.pick([
      { DirectRouting: true },
      { DirectRouting: false },
      { MTU: 1400 },
      { MTU: 1500 },
      { Learning: true },
      { Learning: false },
    ]);
    return { ...config, Backend: { ...config.Backend, ...more } };
  });
}

function port(fleet: Fleet, random: Random): string {
  const Port = random.pick([4789, 8472, 9999]);
  return change(fleet, (config) => ({ ...config, Backend: { ...config.Backend, Type: 'vxlan', Port } }));
}

/** All leases still fit. */
const NETWORKS = ['10.5.0.0/16', '10.4.0.0/15', '10.4.0.0/14'];

function widen(fleet: Fleet, random: Random): string {
  const next = random.pick(NETWORKS);
  // Hosts may have taken a subnet that only the wider one has.
  if (JSON.parse(fleet.config).Network !== NETWORKS[0]) fleet.excuses.everybody('subnets may no longer fit the config');
  return change(fleet, (config) => ({ ...config, Network: next }));
}

/** No lease fits any more: every host takes another one. */
function moveNetwork(fleet: Fleet, random: Random): string {
  fleet.excuses.everybody('subnets no longer fit the config');
  const next = random.pick([
    { Network: '10.6.0.0/16' },
    { Network: '10.5.0.0/16' },
    { Network: '10.5.0.0/16', SubnetLen: 25 },
  ]);
  return change(fleet, ({ Backend }) => ({ ...next, Backend }));
}

const onOneLink = ({ segments }: Shape): boolean => segments === 1;

export const configFaults: readonly Fault[] = [
  { name: 'vni', weight: 4, strike: vniMove },
  { name: 'backend', weight: 3, fits: onOneLink, strike: backendMove },
  { name: 'tune', weight: 3, strike: tune },
  { name: 'port', weight: 1, strike: port },
  { name: 'widen', weight: 2, strike: widen },
  { name: 'move-network', weight: 2, strike: moveNetwork },
];
