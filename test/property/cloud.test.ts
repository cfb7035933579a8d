/**
 * Hosts that keep their routes in one cloud, each by itself, over whatever is in the tables: reads that are behind, calls that fail, hosts
 * that die. Whatever happens, what is somebody else's stays as it is, and what the leases say is there in the end.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AwsDriver } from '../../drivers/cloud/aws/driver.ts';
import { CloudKeeper } from '../../states/cloud/keeper.ts';
import { AwsWorld, type Eni, type TableRoute } from '../helpers/cloud/aws-world.ts';
import { FakeEc2 } from '../helpers/cloud/fake-ec2.ts';
import { FakeImds } from '../helpers/cloud/fake-imds.ts';
import type { Failure } from '../helpers/cloud/injected.ts';
import { type Served, serve } from '../helpers/cloud/serve.ts';
import { holds } from '../helpers/property.ts';

const NETWORK = '10.20.0.0/16';
const HOSTS = 3;
const subnetOf = (n: number): string => `10.20.${n}.0/24`;
const addressOf = (n: number): string => `10.0.0.${n + 10}`;

const noise: fc.Arbitrary<TableRoute> = fc
  .record({
    dst: fc.oneof(fc.integer({ min: 0, max: 8 }).map(subnetOf), fc.constantFrom('10.99.1.0/24', NETWORK, '0.0.0.0/0')),
    to: fc.constantFrom('eni-0dead', 'host 0', 'host 1', 'igw-1', 'nat-1'),
    origin: fc.constantFrom('CreateRoute', 'CreateRoute', 'EnableVgwRoutePropagation' as const),
  })
  .map(({ dst, to, origin }) => ({ dst, origin, ...(/^(igw|nat)/.test(to) ? { gateway: to } : { eni: to }) }));

const failure = fc.constantFrom(
  { status: 503, code: 'RequestLimitExceeded' },
  { status: 500, code: 'InternalError' },
  { status: 0, code: 'cut', cut: true },
  { status: 0, code: 'cut', cut: true, after: true },
);
const faults = fc.array(
  fc.tuple(fc.constantFrom('CreateRoute', 'ReplaceRoute', 'DeleteRoute', 'DescribeRouteTables'), failure),
  { maxLength: 6 },
);

describe('hosts in one cloud', () => {
  it('come to what the leases say, and touch nothing else', async (t) => {
    const world = fc.tuple(fc.array(noise, { maxLength: 8 }), fc.integer({ min: 0, max: 2 }), faults);
    await holds(t, world, ([strange, lag, failing]) => check(strange, lag, failing), 12);
  });
});

async function check(strange: TableRoute[], lag: number, failing: [string, Failure][]): Promise<void> {
  const world = new AwsWorld({ vpcRange: '10.0.0.0/16', lag });
  const table = world.addTable({ main: true });
  const enis = Array.from({ length: HOSTS }, (_, n) => world.addInstance({ address: addressOf(n) }));
  const put = strange.filter(({ dst }, at) => strange.findIndex((one) => one.dst === dst) === at);
  for (const route of put) world.putRoute(table, named(route, enis));
  const before = structuredClone(world.table(table).routes);
  const leased = new Set(Array.from({ length: HOSTS }, (_, n) => subnetOf(n)));
  const foreign = before.filter((route) => !isFlannels(route, leased, enis));

  const { hosts, ec2, close } = await serveHosts(world);
  try {
    for (const [action, how] of failing) ec2.injected.next(action, how);
    for (let round = 0; round < 6; round++)
      for (const host of hosts) await host.pass(() => ({ leased, complete: true }), true);
    const routes = world.table(table).routes;
    for (const route of foreign)
      assert.ok(
        routes.some((one) => isEqual(one, route)),
        JSON.stringify(route),
      );
    for (const [n, eni] of enis.entries()) {
      const route = routes.find(({ dst }) => dst === subnetOf(n));
      const isTaken = foreign.some(({ dst }) => dst === subnetOf(n));
      if (!isTaken) assert.equal(route?.eni, eni.id, `${subnetOf(n)} leads to its host`);
      assert.equal(eni.sourceDestCheck, false);
    }
    const stale = routes.filter((route) => isFlannels(route, leased, enis) && !leased.has(route.dst));
    assert.deepEqual(stale, []);
  } finally {
    await close();
  }
}

/** What a host may change: a route that a call has made, to a host, for a lease's subnet or for one that is gone. */
function isFlannels(route: TableRoute, leased: ReadonlySet<string>, enis: Eni[]): boolean {
  if (route.eni === undefined || route.origin !== 'CreateRoute') return false;
  if (leased.has(route.dst)) return true;
  const isInside = route.dst.startsWith('10.20.') && route.dst !== NETWORK;
  return (
    isInside && (!enis.some(({ id }) => id === route.eni) || enis.slice(0, HOSTS).some(({ id }) => id === route.eni))
  );
}

const named = (route: TableRoute, enis: Eni[]): TableRoute => {
  const n = /^host (\d)$/.exec(route.eni ?? '')?.[1];
  return n === undefined ? route : { ...route, eni: enis[Number(n)]!.id };
};

const isEqual = (one: TableRoute, other: TableRoute): boolean =>
  one.dst === other.dst && one.eni === other.eni && one.gateway === other.gateway && one.origin === other.origin;

async function serveHosts(world: AwsWorld) {
  const ec2 = new FakeEc2(world);
  const api = await serve(ec2.listener);
  const served: Served[] = [api];
  const hosts: CloudKeeper[] = [];
  let now = 0;
  for (let n = 0; n < HOSTS; n++) {
    const imds = await serve(new FakeImds(ec2, () => addressOf(n)).listener);
    served.push(imds);
    const env = { AWS_ENDPOINT_URL_EC2: api.url, AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url };
    const silent = () => {};
    const host = new CloudKeeper({
      clock: {
        now: () => now,
        steady: () => now,
        sleep: async (ms) => {
          now += ms;
        },
      },
      random: Math.random,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      keepStale: false,
      resyncMs: 300_000,
      open: async () => new AwsDriver(env, { tries: 2, firstMs: 0 }),
    });
    host.want({ cloud: 'aws-vpc', network: NETWORK, subnet: subnetOf(n), address: addressOf(n) });
    hosts.push(host);
  }
  return { hosts, ec2, close: () => Promise.all(served.map((one) => one.close())) };
}
