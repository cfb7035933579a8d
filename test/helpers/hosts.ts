/**
 * Owns arbitrary networks and arbitrary hosts for the properties: small pools of values, so that what is there and what is wanted meet in the
 * same slots. What the kernel would not take is left out when a host is populated.
 */
import fc from 'fast-check';
import { parseIp } from '../../config/ipv4.ts';
import { aliasOf, type Instance } from '../../reconciler/contracts/host.ts';
import {
  type Address,
  type Fdb,
  type Have,
  keyOf,
  type Link,
  type Neighbour,
  type Nexthop,
  type Resource,
  type Route,
  SELVAGE_PROTOCOL,
} from '../../reconciler/kinds/index.ts';
import { blockOf, instanceOf, macOf, type Overlay, overlayOf, type Peer, wantsOf } from './wants.ts';

export const NETWORK = '10.5.0.0/16';
export const OLD_NETWORK = '10.6.0.0/16';
export const OTHER_NETWORK = '10.7.0.0/16';

/** The instance under test; its own subnet.env names a second network, from before a config change. */
export const INSTANCE: Instance = { ...instanceOf('/coreos.com/network', NETWORK), networks: [NETWORK, OLD_NETWORK] };
export const OTHER: Instance = instanceOf('/other/network', OTHER_NETWORK);

const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { maxLength });

export const device = (name: string, parts: Partial<Link> = {}): Link => ({
  kind: 'link',
  name,
  type: '',
  up: true,
  mac: macOf(0xffff),
  mtu: 1500,
  alias: '',
  master: '',
  ...parts,
});

/** What every host has. */
export const BASE: Link[] = [device('eth0'), device('docker0', { type: 'bridge' })];

// What should be --------------------------------------------------------------------------------------------------------------------

const peer: fc.Arbitrary<Peer> = fc.record({
  block: fc.integer({ min: 2, max: 7 }),
  mac: fc.integer({ min: 2, max: 9 }).map(macOf),
  publicIP: fc.constantFrom('198.18.0.1', '198.18.0.2', '198.18.0.3'),
  direct: fc.boolean().map((direct) => direct || undefined),
});

export const peers: fc.Arbitrary<Peer[]> = fc
  .uniqueArray(peer, { maxLength: 6, selector: (one) => one.block })
  // One MAC is one FDB entry: peers that share one are settled before the plan sees them.
  .map((all) =>
    all.filter((one, i) => one.direct || all.findIndex((other) => other.mac === one.mac && !other.direct) === i),
  );

export const overlay: fc.Arbitrary<Overlay> = overlayFor(INSTANCE, [1, 2]);

export function overlayFor(instance: Instance, vnis: number[]): fc.Arbitrary<Overlay> {
  const varied = fc.record({
    vni: fc.constantFrom(...vnis),
    port: fc.constantFrom(0, 8472, 4789),
    ownBlock: fc.constantFrom(1, 8),
    mac: fc.constantFrom(macOf(1), macOf(100), ''),
    mtu: fc.constantFrom(1450, 1400),
    learning: fc.boolean(),
    gbp: fc.boolean(),
    peers,
    file: fc.constantFrom('A=1\n', 'A=2\n'),
  });
  return varied.map((parts) => overlayOf({ instance, ...parts }));
}

// What an earlier run left ----------------------------------------------------------------------------------------------------------

/** What selvage or flanneld made of some network once: marked or not, on nexthop objects or not. */
export const leftovers: fc.Arbitrary<Resource[]> = fc
  .tuple(
    overlay,
    fc.constantFrom('selvage', 'selvage without nexthop objects', 'flanneld', 'half-made'),
    fc.constantFrom(0, 1),
  )
  .map(([before, maker, network]) => {
    const of = { ...before, instance: { ...INSTANCE, networks: [INSTANCE.networks[network]!] } };
    const made = [...wantsOf(of).values()];
    if (maker === 'selvage') return made;
    if (maker === 'half-made') return made.slice(0, 1).map((link) => ({ ...link, alias: '' }) as Link);
    const plain = made
      .filter((one) => one.kind !== 'nexthop')
      .map((one): Resource => (one.kind === 'route' ? { ...one, nexthopId: 0 } : one));
    return maker === 'flanneld' ? plain.map(unmarked) : plain;
  });

function unmarked(made: Resource): Resource {
  if (made.kind === 'link') return { ...made, alias: '' };
  if (made.kind === 'neighbour') return { ...made, protocol: 0 };
  return made.kind === 'route' ? { ...made, protocol: 3 } : made;
}

// What anybody may have put there ---------------------------------------------------------------------------------------------------

const dev = fc.constantFrom('flannel.1', 'flannel.1', 'flannel.2', 'flannel.3', 'vxlan0', 'eth0', 'docker0');
const protocol = fc.constantFrom(0, 2, 3, 4, SELVAGE_PROTOCOL, SELVAGE_PROTOCOL);
const network = fc.constantFrom(NETWORK, NETWORK, NETWORK, OLD_NETWORK, OTHER_NETWORK, '192.168.0.0/16');
const subnet = fc.tuple(network, fc.integer({ min: 1, max: 8 })).map(([of, block]) => blockOf(of, block));
const anyMac = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 2, max: 9 }).map(macOf) },
  fc.constantFrom('00:00:00:00:00:00', '01:00:5e:00:00:01', '3c:fd:fe:00:00:01'),
);
const underlay = fc.constantFrom('198.18.0.1', '198.18.0.2', '198.18.0.9');

const link: fc.Arbitrary<Link> = fc
  .record({
    name: fc.constantFrom('flannel.1', 'flannel.2', 'flannel.3', 'vxlan0'),
    type: fc.constantFrom('vxlan', 'vxlan', 'vxlan', 'bridge', ''),
    up: fc.boolean(),
    mac: fc.constantFrom(macOf(1), macOf(200)),
    mtu: fc.constantFrom(1450, 1400),
    alias: fc.constantFrom(aliasOf(INSTANCE), aliasOf(INSTANCE), aliasOf(OTHER), '', 'mine'),
    master: fc.constantFrom('', '', '', 'docker0'),
    vni: fc.integer({ min: 1, max: 3 }),
    ownVni: fc.boolean(),
    port: fc.constantFrom(8472, 4789),
    parent: fc.constantFrom('eth0', ''),
    learning: fc.boolean(),
    gbp: fc.boolean(),
  })
  .map(({ vni, ownVni, port, parent, learning, gbp, ...rest }) => {
    const named = Number(rest.name.slice('flannel.'.length));
    const number = ownVni && named > 0 ? named : vni;
    const tunnel = { type: 'vxlan' as const, vni: number, port, local: '192.0.2.1', parent, learning, gbp };
    return rest.type === 'vxlan' ? { kind: 'link', ...rest, tunnel } : { kind: 'link', ...rest };
  });

const address: fc.Arbitrary<Address> = fc
  .tuple(dev, subnet, fc.constantFrom(24, 32))
  .map(([on, ip, length]) => ({ kind: 'address', dev: on, address: `${ip}/${length}` }));

const neighbour: fc.Arbitrary<Neighbour> = fc.record({
  kind: fc.constant('neighbour' as const),
  dev,
  ip: subnet,
  mac: anyMac,
  permanent: fc.boolean(),
  protocol,
});

const fdb: fc.Arbitrary<Fdb> = fc.record({
  kind: fc.constant('fdb' as const),
  dev: fc.constantFrom('flannel.1', 'flannel.2', 'flannel.3', 'vxlan0'),
  mac: anyMac,
  dst: fc.oneof({ weight: 5, arbitrary: underlay }, fc.constant('')),
  permanent: fc.boolean(),
  plain: fc.boolean(),
});

const nexthop: fc.Arbitrary<Nexthop> = fc
  .record({ id: subnet, dev, gateway: subnet, onlink: fc.boolean(), protocol, plain: fc.boolean(), sane: fc.boolean() })
  .map(({ sane, ...rest }) => {
    const id = parseIp(rest.id)!;
    return { kind: 'nexthop', ...rest, id, ...(sane ? { gateway: rest.id, onlink: true, plain: true } : {}) };
  });

const route: fc.Arbitrary<Route> = fc
  .record({
    table: fc.constantFrom(254, 254, 254, 100),
    dst: subnet,
    metric: fc.constantFrom(0, 0, 0, 600),
    dev,
    gateway: fc.oneof(subnet, underlay, fc.constant('')),
    onlink: fc.boolean(),
    via: fc.constantFrom('gateway', 'gateway', 'nexthop'),
    nexthop: subnet,
    protocol,
    type: fc.constantFrom('unicast', 'unicast', 'unicast', 'blackhole'),
    plain: fc.constantFrom(true, true, false),
    sane: fc.boolean(),
  })
  .map(({ via, nexthop, sane, ...rest }) => {
    const made: Route = { kind: 'route', tos: 0, nexthopId: 0, ...rest, dst: `${rest.dst}/24` };
    if (rest.type === 'blackhole') return { ...made, dev: '', gateway: '', onlink: false };
    // Somebody else's route on a nexthop object of ours would go with it; see stale.ts and its unit test.
    const mine = rest.protocol === SELVAGE_PROTOCOL && rest.table === 254 && !/^192|^10\.7/.test(rest.dst);
    if (via === 'nexthop' && mine) return { ...made, nexthopId: parseIp(nexthop)! };
    return sane ? { ...made, gateway: rest.dst, onlink: true, plain: true } : made;
  });

const anything: fc.Arbitrary<Resource[]> = fc
  .record({
    links: some(link, 3),
    addresses: some(address, 4),
    neighbours: some(neighbour, 6),
    fdb: some(fdb, 6),
    nexthops: some(nexthop, 5),
    routes: some(route, 8),
    files: some(
      fc.record({
        kind: fc.constant('file' as const),
        path: fc.constantFrom(INSTANCE.subnetFile, OTHER.subnetFile),
        content: fc.constantFrom('A=1\n', 'A=3\n'),
        mode: fc.constantFrom(0o644, 0o600),
      }),
      2,
    ),
  })
  .map((parts) => Object.values(parts).flat());

/** Everything that a host may have. What comes first in a slot stays there, so leftovers and strangers take turns. */
export const host: fc.Arbitrary<Resource[]> = fc
  .tuple(fc.option(leftovers, { nil: [] }), anything, fc.boolean())
  .map(([left, strange, leftFirst]) => [...BASE, ...(leftFirst ? [...left, ...strange] : [...strange, ...left])])
  .map(distinguishable);

/** Leaves out third routes of a slot, and those that a qualified delete couldn't tell apart: they take a round each. */
function distinguishable(resources: Resource[]): Resource[] {
  const seen = new Set<string>();
  const slots = new Map<string, number>();
  return resources.filter((one) => {
    if (one.kind !== 'route') return true;
    const before = slots.get(keyOf(one)) ?? 0;
    slots.set(keyOf(one), before + 1);
    if (before > 1) return false;
    const way = one.nexthopId === 0 ? `${one.dev} ${one.gateway}` : one.nexthopId;
    const name = `${one.table} ${one.dst} ${one.metric} ${one.protocol} ${one.type} ${way}`;
    return !seen.has(name) && seen.add(name);
  });
}

export const sortedText = (haves: Iterable<Have>): string[] => [...haves].map((have) => JSON.stringify(have)).sort();
