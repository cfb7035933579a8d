import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { contains, formatCidr, formatIp, networkOf, overlaps, parseCidr, parseIp } from '../../config/ipv4.ts';
import { parseLeaseAttrs } from '../../config/lease.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import { sizeOf } from '../../reconciler/lease/blocks.ts';
import { chooseLease } from '../../reconciler/lease/choose.ts';
import { type Pool, pickFree } from '../../reconciler/lease/free.ts';
import { renewAfter } from '../../reconciler/lease/renewal.ts';
import { leaseValue, needsRewrite } from '../../reconciler/lease/value.ts';
import { readWrittenForm } from '../../reconciler/lease/written-form.ts';
import { mustYieldTo } from '../../reconciler/lease/yield.ts';
import { addressOf, leaseOf, macOf } from '../helpers/store.ts';

const NETWORK = '10.5.0.0/20';
const ME = addressOf(1);
const block = (lengths: number[], within = 0x0a050000) =>
  fc
    .tuple(fc.constantFrom(...lengths), fc.nat(4096))
    .map(([length, n]) => ({ ip: networkOf(within + n, length), length }));

const config: fc.Arbitrary<NetworkConfig> = fc
  .record({ length: fc.integer({ min: 22, max: 28 }), from: fc.nat(15), to: fc.nat(15) })
  .map(({ length, from, to }) => {
    const [min, max] = [Math.min(from, to), Math.max(from, to)];
    const edge = (n: number) => formatIp(networkOf(0x0a050000 + n * 256, length));
    const text = {
      Network: NETWORK,
      SubnetLen: length,
      SubnetMin: edge(min),
      SubnetMax: edge(max),
      Backend: { Type: 'vxlan' },
    };
    return parseNetworkConfig(JSON.stringify(text));
  });
const leases: fc.Arbitrary<Lease[]> = fc
  .uniqueArray(
    fc.record({
      block: block([20, 22, 23, 24, 25, 28]),
      host: fc.integer({ min: 1, max: 6 }),
      permanent: fc.boolean(),
    }),
    { maxLength: 15, selector: ({ block: one }) => formatCidr(one) },
  )
  .map((all) =>
    all.map(({ block: one, host, permanent }, i) =>
      leaseOf({ subnet: formatCidr(one), host, revision: 10 + ((i * 7) % 16), leaseId: permanent ? '0' : '5' }),
    ),
  );

const blocksOf = ({ subnetMin, subnetMax, subnetLen }: NetworkConfig): string[] => {
  const blocks: string[] = [];
  for (let ip = parseIp(subnetMin)!; ip <= parseIp(subnetMax)!; ip += sizeOf(subnetLen)) {
    blocks.push(formatCidr({ ip, length: subnetLen }));
  }
  return blocks;
};

it('chooseLease takes a block that nobody has, one of the range, or says that there is none', () => {
  const input = fc.record({
    config,
    leases,
    occupied: fc.array(block([24, 26]).map(formatCidr), { maxLength: 3 }),
    previousSubnet: fc.option(block([24, 25, 26]).map(formatCidr), { nil: undefined }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(input, (parts) => {
      const choice = chooseLease({ ...parts, publicIP: ME, random: () => parts.random });
      const taken = [...parts.leases.map(({ subnet }) => subnet), ...parts.occupied];
      const isFree = (subnet: string) => !taken.some((other) => overlaps(subnet, other));
      const all = blocksOf(parts.config);
      const mine = parts.leases.filter(({ attrs }) => attrs.publicIP === ME);

      for (const lease of [...choice.release, ...choice.others]) assert.equal(lease.attrs.publicIP, ME);
      for (const lease of choice.release) assert.notEqual(lease.leaseId, '0');
      const dealtWith = choice.release.length + choice.others.length + Number(choice.action === 'reuse');
      assert.equal(dealtWith, mine.length, 'every lease of ours is used, released or reported');
      if (choice.action === 'reuse') assert.ok(mine.includes(choice.lease) && all.includes(choice.lease.subnet));
      if (choice.action === 'create') assert.ok(all.includes(choice.subnet) && isFree(choice.subnet), choice.subnet);
      if (choice.action === 'outOfSubnets') assert.deepEqual(all.filter(isFree), []);
      if (
        choice.action === 'create' &&
        parts.previousSubnet &&
        all.includes(parts.previousSubnet) &&
        isFree(parts.previousSubnet)
      ) {
        assert.equal(choice.subnet, parts.previousSubnet);
      }
    }),
    { numRuns: 1000 },
  );
});

it('pickFree reaches every free block, each as often as any other', () => {
  const pool: Pool = { min: 0x0a050100, max: 0x0a050f00, length: 24 };
  fc.assert(
    fc.property(fc.array(block([22, 23, 24, 25, 30]), { maxLength: 12 }), (taken) => {
      const free: number[] = [];
      for (let ip = pool.min; ip <= pool.max; ip += 256) {
        if (!taken.some((other) => overlaps({ ip, length: 24 }, other))) free.push(ip);
      }
      // Each of n equal parts of [0, 1) has to lead to another block, in order.
      const picked = free.map((_, i) => pickFree(pool, taken, () => (i + 0.5) / free.length)?.ip);
      assert.deepEqual(picked, free);
      if (!free.length)
        assert.equal(
          pickFree(pool, taken, () => 0),
          undefined,
        );
    }),
    { numRuns: 500 },
  );
});

it('of hosts that overlap, all but one yield: to whom, they agree', () => {
  fc.assert(
    fc.property(leases, (all) => {
      const winners = all.filter((lease) => !mustYieldTo(lease, all, NETWORK));
      for (const lease of all) {
        const elder = mustYieldTo(lease, all, NETWORK);
        if (!elder) continue;
        assert.ok(elder.createRevision <= lease.createRevision);
        assert.ok(overlaps(lease.subnet, parseCidr((elder as Lease).subnet)!));
        assert.equal(mustYieldTo(elder, [lease], NETWORK), undefined, 'never each to the other');
      }
      for (const [i, a] of winners.entries()) {
        for (const b of winners.slice(i + 1)) {
          if (contains(NETWORK, a.subnet) && contains(NETWORK, b.subnet)) assert.ok(!overlaps(a.subnet, b.subnet));
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('what we write needs no rewrite, and reads alike both ways', () => {
  const own = fc.record({ host: fc.nat(65535), vni: fc.nat(65535), type: fc.constantFrom('vxlan', 'host-gw') });
  fc.assert(
    fc.property(own, own, (a, b) => {
      const textOf = ({ host, vni, type }: typeof a) =>
        leaseValue({
          publicIP: addressOf(host),
          backendType: type,
          backendData: type === 'vxlan' ? { VNI: vni, VtepMAC: macOf(host) } : undefined,
        });
      const lease = leaseOf({ subnet: '10.5.1.0/24', host: 1, revision: 1, value: textOf(a) });
      assert.equal(needsRewrite(lease, textOf(a)), false);
      const same = textOf(a) === textOf(b);
      assert.equal(needsRewrite(lease, textOf(b)), !same);
      const short = readWrittenForm(textOf(a));
      if (a.type === 'vxlan') assert.deepEqual(short, parseLeaseAttrs(textOf(a)));
      else assert.equal(short, undefined);
    }),
    { numRuns: 300 },
  );
});

it('a renewal is always before the end, and never before now', () => {
  const input = fc.record({
    grantedSeconds: fc.integer({ min: 1, max: 10_000_000 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    marginMinutes: fc.integer({ min: 1, max: 1439 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(input, ({ part, ...rest }) => {
      const remainingSeconds = rest.grantedSeconds * part;
      const wait = renewAfter({ ...rest, remainingSeconds });
      assert.ok(wait >= 0 && wait <= remainingSeconds * 1000);
    }),
  );
});
