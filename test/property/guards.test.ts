/** Whatever the store says, and whatever networks the host is in: nothing that it must reach is ever inside a subnet that it serves or leases. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { contains, formatCidr, formatIp, networkOf, overlaps, parseCidr, parseIp } from '../../config/ipv4.ts';
import type { NetworkConfig } from '../../config/model.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import type { Host, HostFacts, Interface } from '../../reconciler/contracts/host.ts';
import { isCarvedFrom } from '../../reconciler/desired/carved.ts';
import { guardsOf } from '../../reconciler/desired/guards.ts';
import { Refusals } from '../../reconciler/desired/refusals.ts';
import { sizeOf } from '../../reconciler/lease/blocks.ts';
import { chooseLease } from '../../reconciler/lease/choose.ts';
import { leaseOf } from '../helpers/store.ts';

/** An address in one of a few networks, so that things meet. */
const address = fc
  .tuple(
    fc.constantFrom('10.5.0.0/16', '10.5.3.0/24', '10.1.0.0/16', '172.20.0.0/16', '172.16.9.0/24', '192.168.64.0/24'),
    fc.nat(65_535),
  )
  .map(([range, n]) => {
    const { ip, length } = parseCidr(range)!;
    return formatIp(networkOf(ip, length) + 1 + (n % (sizeOf(length) - 2)));
  });
const onLink = fc.tuple(address, fc.constantFrom(8, 12, 16, 17, 24)).map(([ip, length]) => `${ip}/${length}`);
const config = fc
  .constantFrom(
    { Network: '10.5.0.0/16' },
    { Network: '10.5.0.0/16', SubnetMin: '10.5.2.0', SubnetMax: '10.5.5.0' },
    { Network: '10.0.0.0/8' },
    { Network: '172.20.0.0/16' },
    { Network: '192.168.64.0/24', SubnetLen: 26 },
  )
  .map((one) => parseNetworkConfig(JSON.stringify({ ...one, Backend: { Type: 'vxlan' } })));

const scene = fc.record({
  config,
  uplink: onLink,
  others: fc.array(onLink, { maxLength: 2 }),
  gateway: address,
  store: fc.array(address, { maxLength: 2 }),
  nameServers: fc.array(address, { maxLength: 2 }),
  leases: fc.array(fc.tuple(fc.nat(), address), { minLength: 1, maxLength: 12 }),
});
type Scene = typeof scene extends fc.Arbitrary<infer S> ? S : never;

const interfaceOf = (name: string, cidr: string): Interface => ({
  name,
  index: 1,
  mac: '',
  mtu: 1500,
  up: true,
  loopback: false,
  addresses: [{ address: cidr, scope: 'global', permanent: true, deprecated: false }],
});
const bare = (cidr: string): string => cidr.split('/')[0]!;
const networkText = (cidr: string): string => {
  const { ip, length } = parseCidr(cidr)!;
  return formatCidr({ ip: networkOf(ip, length), length });
};

function hostOf({ uplink, others, gateway, store, nameServers }: Scene): Host {
  const all = [uplink, ...others];
  const facts: HostFacts = {
    interfaces: all.map((cidr, i) => interfaceOf(`eth${i}`, cidr)),
    linkRoutes: all.map((cidr, i) => ({ dev: `eth${i}`, dst: networkText(cidr), metric: 100 })),
    defaultRoutes: [{ dev: 'eth0', gateway, metric: 0 }],
    store,
    nameServers,
  };
  const networks = [networkText(uplink)];
  return {
    hostname: 'h',
    uplink: { name: 'eth0', mtu: 1500, address: bare(uplink), networks },
    publicIP: bare(uplink),
    nexthopObjects: true,
    guards: guardsOf(facts, { name: 'eth0', networks }),
    addresses: all.map(bare),
  };
}

/** The n-th block of the pool. */
function blockOf({ subnetMin, subnetMax, subnetLen }: NetworkConfig, n: number): string {
  const [min, max] = [parseIp(subnetMin)!, parseIp(subnetMax)!];
  const count = Math.floor((max - min) / sizeOf(subnetLen)) + 1;
  return formatCidr({ ip: min + (n % count) * sizeOf(subnetLen), length: subnetLen });
}

it('no subnet that is served or leased covers what the host must reach, nor another host that it serves', () => {
  let carved = 0;
  const property = fc.property(scene, (one) => {
    const host = hostOf(one);
    const refusals = new Refusals(one.config, host);
    const { guards } = refusals;
    const leases = one.leases.map(([n, publicIP], i) => {
      const lease = leaseOf({ subnet: blockOf(one.config, n), host: 2 + i, revision: 10 + i });
      return { ...lease, attrs: { ...lease.attrs, publicIP } };
    });
    const { publicIP } = host;
    const choice = chooseLease({ config: one.config, leases, occupied: [], publicIP, guards, random: () => 0.5 });
    const own =
      choice.action === 'create' ? choice.subnet : choice.action === 'reuse' ? choice.lease.subnet : undefined;
    const served = leases.filter((lease) => lease.attrs.publicIP !== publicIP && !refusals.ofPeer(lease, own));
    const subnets = [...served.map(({ subnet }) => subnet), ...(own === undefined ? [] : [own])];
    const must = [one.gateway, ...one.store, ...one.nameServers, ...(host.addresses ?? [])];
    must.push(...served.map(({ attrs }) => attrs.publicIP));
    for (const subnet of subnets) {
      for (const ip of must) assert.ok(!contains(subnet, parseIp(ip)!), `${subnet} covers ${ip}`);
      for (const cidr of [one.uplink, ...one.others])
        if (!isCarvedFrom(networkText(cidr), one.config.network))
          assert.ok(!overlaps(subnet, networkText(cidr)), `${subnet} ${cidr}`);
        else carved++;
    }
  });
  fc.assert(property, { numRuns: Number(process.env.RUNS ?? 3000) });
  assert.ok(carved > 100, 'wide networks were among them');
});

it('a Network is carved out of a network only if that is very wide, and not all of it', () => {
  assert.ok(isCarvedFrom('10.0.0.0/8', '10.5.0.0/16') && isCarvedFrom('172.16.0.0/12', '172.20.0.0/16'));
  for (const [range, network] of [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.0/13', '10.5.0.0/16'],
    ['192.168.0.0/16', '192.168.132.0/24'],
    ['10.5.0.0/24', '10.5.0.0/16'],
    ['172.16.0.0/12', '10.5.0.0/16'],
    ['0.0.0.0/0', '10.5.0.0/16'],
  ] as const)
    assert.ok(!isCarvedFrom(range, network), `${network} of ${range}`);
});
