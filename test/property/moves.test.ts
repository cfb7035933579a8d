/**
 * A move from one path to another over the kernel in memory: whatever the two are, whoever has moved already and wherever the process is
 * killed, no peer is ever without a way, and a fresh start comes to the same end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Lease } from '../../config/model.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import { backendFor } from '../../reconciler/backends/index.ts';
import { Desired } from '../../reconciler/desired/desired.ts';
import { compare, type Have, idOf, type Route } from '../../reconciler/kinds/index.ts';
import { contextOf, peerOf, sourceOf } from '../helpers/desired.ts';
import { device } from '../helpers/hosts.ts';
import { ModelDriver } from '../helpers/model-driver.ts';
import { Crash, ModelKernel } from '../helpers/model-kernel.ts';
import { holds } from '../helpers/property.ts';
import { isEmptyPlan, planOf, runRound } from '../helpers/run-round.ts';

type Backend = { Type: 'vxlan'; VNI: number; DirectRouting?: boolean } | { Type: 'host-gw' } | { Type: 'udp' };

const backend: fc.Arbitrary<Backend> = fc.oneof(
  fc.record({ Type: fc.constant('vxlan' as const), VNI: fc.integer({ min: 1, max: 3 }), DirectRouting: fc.boolean() }),
  fc.constant({ Type: 'host-gw' as const }),
  fc.constant({ Type: 'udp' as const }),
);

const PEERS = [1, 2, 3, 4];
const contextFor = (to: Backend) => contextOf({ config: JSON.stringify({ Network: '10.5.0.0/16', Backend: to }) });

/** Every peer is on the link; whether through the tunnel or not is the backend's choice. */
function leaseOn(n: number, { Type, ...rest }: Backend): Lease {
  const lease = peerOf(n);
  const publicIP = `192.168.64.${100 + n}`;
  const backendData = 'VNI' in rest ? { ...(lease.attrs.backendData as object), VNI: rest.VNI } : undefined;
  // Leases of udp name no type.
  return { ...lease, attrs: { ...lease.attrs, publicIP, backendType: Type === 'udp' ? '' : Type, backendData } };
}

const pathsOf = (config: Backend) =>
  backendFor(parseNetworkConfig(JSON.stringify({ Network: '10.5.0.0/16', Backend: config })))!;

function desiredFor(config: Backend, earlier: Backend[], leases: Lease[]): Desired {
  const now = pathsOf(config);
  const kept = earlier.map(pathsOf).filter(({ path }) => path !== now.path);
  const desired = new Desired(contextFor(config), kept);
  desired.setAll(sourceOf(...leases));
  return desired;
}

/** The peer's route leads somewhere, and what is on the way is there: the neighbour and the FDB entry of a tunnel, or the engine's entry. */
function assertReached(haves: readonly Have[], n: number): void {
  const routeTo = (dst: string) => haves.find((have): have is Route => have.kind === 'route' && have.dst === dst);
  const route = routeTo(`10.5.${n}.0/24`) ?? routeTo('10.5.0.0/16');
  assert.ok(route, `10.5.${n}.0/24 has a route`);
  if (route.dev === 'eth0') return;
  if (route.dev === 'flannel0') {
    const isEntry = (have: Have): boolean => have.kind === 'udp-peer' && have.subnet === `10.5.${n}.0/24`;
    assert.ok(haves.some(isEntry), `10.5.${n}.0/24 is in the table of flannel0's engine`);
    return;
  }
  const neighbour = haves.find(
    (have) => have.kind === 'neighbour' && have.dev === route.dev && have.ip === route.gateway,
  );
  assert.ok(neighbour?.kind === 'neighbour', `10.5.${n}.0/24 has its ARP entry on ${route.dev}`);
  const isFdb = (have: Have): boolean => have.kind === 'fdb' && have.dev === route.dev && have.mac === neighbour.mac;
  assert.ok(haves.some(isFdb), `10.5.${n}.0/24 has its FDB entry on ${route.dev}`);
}

test('a move leaves no peer without a way, at any moment, and ends in sync', async (t) => {
  const scenario = fc.record({
    from: backend,
    to: backend,
    moved: fc.subarray(PEERS),
    nexthopObjects: fc.boolean(),
    killedAfter: fc.integer({ min: 0, max: 30 }),
  });
  await holds(t, scenario, async ({ from, to, moved, nexthopObjects, killedAfter }) => {
    const kernel = new ModelKernel();
    const driver = new ModelDriver(kernel);
    kernel.addLink(device('eth0'));
    const { instance } = contextFor(from);
    const options = { driver, instance, nexthopObjects };
    const before = desiredFor(
      from,
      [],
      PEERS.map((n) => leaseOn(n, from)),
    );
    await runRound({ ...options, desired: before.wants });
    for (const n of PEERS) assertReached(kernel.all(), n);

    const leases = PEERS.map((n) => leaseOn(n, moved.includes(n) ? to : from));
    const { wants } = desiredFor(to, [from], leases);
    // At every announcement of the kernel, that is: between any two writes.
    const announce = kernel.emit;
    kernel.emit = (scope) => {
      announce(scope);
      for (const n of PEERS) assertReached(kernel.all(), n);
    };
    kernel.crashAfter = kernel.writes + killedAfter;
    try {
      await runRound({ ...options, desired: wants });
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    kernel.crashAfter = Number.POSITIVE_INFINITY;
    await runRound({ ...options, desired: wants });
    assert.ok(isEmptyPlan(await planOf({ ...options, desired: wants })), 'a second look finds nothing to do');
    const haves = new Map(kernel.all().map((have) => [idOf(have), have]));
    for (const want of wants.values()) {
      if (want.kind !== 'link') continue;
      assert.deepEqual(compare(want, haves.get(idOf(want))!), [], 'both paths are there');
    }
  });
});

test('everybody moves, in whatever order, and each reaches each with what it has', () => {
  const order = fc.shuffledSubarray(PEERS, { minLength: PEERS.length });
  fc.assert(
    fc.property(backend, backend, order, (from, to, hosts) => {
      for (let count = 0; count <= hosts.length; count++) {
        const moved = new Set(hosts.slice(0, count));
        for (const host of hosts) {
          // Who has moved has both paths; who hasn't, only the old one, and everybody still receives on that.
          const config = moved.has(host) ? to : from;
          const leases = PEERS.filter((n) => n !== host).map((n) => leaseOn(n, moved.has(n) ? to : from));
          const desired = desiredFor(config, [from], leases);
          for (const { subnet, attrs } of leases) {
            const ids = desired.idsOfPeer(subnet);
            const isHeld = desired.held.some(({ key, why }) => key === subnet && why === 'other backend');
            // Only who hasn't followed yet may not know the new path; the kernel still has the old one for it, and nothing is deleted
            // before the config has been followed.
            assert.ok(
              ids.length > 0 || (isHeld && !moved.has(host)),
              `${host} reaches ${subnet} (${attrs.backendType})`,
            );
          }
        }
      }
    }),
  );
});
