/**
 * Owns the behaviour that every Driver of network objects has in common (reconciler/contracts/driver.ts), as one suite to be run against each of
 * them: the kernel in memory and the real one. So it is also the proof that the one in memory behaves as the real one does
 * (docs/reference/kernel.md), which is what the properties of the plan stand on.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Change, Driver, Interest, Outcome } from '../../../reconciler/contracts/driver.ts';
import { everything, type Scope, scopeOf } from '../../../reconciler/contracts/scope.ts';
import {
  compare,
  type Fdb,
  type Have,
  idOf,
  type Link,
  type Neighbour,
  type Nexthop,
  type Resource,
  type Route,
} from '../../../reconciler/kinds/index.ts';
import { noRetries } from '../../../reconciler/plan/hold.ts';
import { contextOf } from '../../../reconciler/plan/ownership.ts';
import { changesOf, makePlan } from '../../../reconciler/plan/plan.ts';
import { eventually } from '../../helpers/eventually.ts';
import { vxlanOf } from '../../helpers/tunnels.ts';
import { instanceOf, linkWant, overlayOf, peersOf, peerWants, wantsOf } from '../../helpers/wants.ts';

/** A host with an uplink eth0, up, 192.0.2.1/24, and with nothing of flannel. */
export interface ContractHost {
  driver: Driver;
  /** As another program would, which marks nothing: routes are appended, everything else is new. */
  put(resource: Resource): Promise<void>;
  removeNexthop(id: number): Promise<void>;
  setLink(name: string, change: { up?: boolean; mac?: string }): Promise<void>;
  removeLink(name: string): Promise<void>;
  /** Hands over events that are not delivered by themselves. */
  deliver?(): void;
  close(): Promise<void>;
}

const instance = instanceOf('/coreos.com/network', '10.5.0.0/16');
const overlay = overlayOf({ instance, peers: peersOf(3) });
const everyWant = [...wantsOf(overlay)].filter(([, want]) => want.kind !== 'file');
const desired = new Map(everyWant);
const vtep = linkWant(overlay);
const interest: Interest = { networks: instance.networks, devices: [vtep.name], uplink: 'eth0', files: [] };

const objects = (n: number): [Neighbour, Fdb, Nexthop, Route] =>
  peerWants(overlay, overlay.peers[n]!) as [Neighbour, Fdb, Nexthop, Route];
const [neighbour, fdb, nexthop, route] = objects(0);
const plain: Route = { ...route, nexthopId: 0 };

const create = (want: Resource): Change => ({ op: 'create', id: idOf(want), reason: 'missing', want });
const remove = (have: Have): Change => ({ op: 'delete', id: idOf(have), reason: 'not wanted', have });
const update = (have: Have, want: Resource, recreate = false): Change => ({
  op: 'update',
  id: idOf(want),
  reason: 'differs',
  want,
  have,
  fields: [...compare(want, have)],
  recreate,
});
const results = (outcomes: Outcome[]): string[] =>
  outcomes.map(({ result, failure }) => (failure ? failure.kind : result));

export function driverContract(name: string, make: () => Promise<ContractHost>): void {
  const kept = (what: string, check: (host: ContractHost) => Promise<void>): void => {
    it(what, async () => {
      const host = await make();
      try {
        await check(host);
      } finally {
        await host.close();
      }
    });
  };
  /** One batch a kind, as a plan has it. */
  const build = async (host: ContractHost, wants: readonly Resource[] = [...desired.values()]): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const kind of ['link', 'address', 'neighbour', 'fdb', 'nexthop', 'route']) {
      const changes = wants.filter((want) => want.kind === kind).map(create);
      if (changes.length > 0) outcomes.push(...(await host.driver.apply(changes)));
    }
    return outcomes;
  };
  const list = async (host: ContractHost, scope: Scope = everything()): Promise<Map<string, Have>> => {
    const { haves, complete, problem } = await host.driver.list(scope, interest);
    assert.equal(complete, true, problem);
    const byId = new Map<string, Have>();
    for (const have of haves) if (!byId.has(idOf(have))) byId.set(idOf(have), have);
    return byId;
  };
  const ids = async (host: ContractHost, scope?: Scope): Promise<string[]> =>
    [...(await list(host, scope)).keys()].filter((id) => !id.endsWith('eth0')).sort();
  const one = async (host: ContractHost, resource: Resource): Promise<Have | undefined> =>
    (await list(host, scopeOf({ ids: [idOf(resource)] }))).get(idOf(resource));

  describe(`${name} keeps the contract of a driver`, () => {
    kept('what is created is listed as it was wanted', async (host) => {
      assert.deepEqual(new Set(results(await build(host))), new Set(['done']));
      const there = await list(host);
      for (const [id, want] of desired) {
        const have = there.get(id);
        assert.ok(have, `${id} is not listed`);
        assert.deepEqual(compare(want, have), [], id);
      }
      assert.equal((there.get(idOf(vtep)) as Link).alias, vtep.alias);
    });

    kept('a plan made of its listing is empty once it has been carried out', async (host) => {
      await build(host);
      const { haves } = await host.driver.list(everything(), interest);
      const known = { desired, wants: desired, haves, instance, ...contextOf(haves, true) };
      const plan = makePlan({
        ...known,
        scopeComplete: true,
        desiredComplete: true,
        nexthopObjects: true,
        retry: noRetries,
      });
      assert.deepEqual(changesOf(plan), []);
      assert.equal(plan.inSync, desired.size);
    });

    kept('creating what is there alike is a noop, and so is deleting what is gone', async (host) => {
      await build(host);
      assert.deepEqual(new Set(results(await build(host))), new Set(['noop']));
      const [otherNeighbour, otherFdb, otherNexthop, otherRoute] = objects(1);
      for (const have of [otherRoute, otherNexthop, otherFdb, otherNeighbour]) {
        assert.deepEqual(results(await host.driver.apply([remove(have)])), ['done'], idOf(have));
        assert.deepEqual(results(await host.driver.apply([remove(have)])), ['noop'], idOf(have));
      }
      assert.deepEqual(results(await host.driver.apply([remove(vtep)])), ['done']);
      assert.deepEqual(results(await host.driver.apply([remove(vtep)])), ['noop']);
    });

    kept('each change has its outcome, in the order of the changes', async (host) => {
      await build(host, [vtep]);
      const lost: Neighbour = { ...neighbour, dev: 'flannel.7' };
      const changes = [create(neighbour), create(lost), create(objects(1)[0]), remove(objects(2)[0])];
      const outcomes = await host.driver.apply(changes);
      assert.deepEqual(
        outcomes.map(({ change }) => change),
        changes,
      );
      assert.deepEqual(results(outcomes), ['done', 'vanished', 'done', 'noop']);
    });

    kept('a scope of ids, of a kind and of a link lists that and no more', async (host) => {
      await build(host);
      const some = [neighbour, fdb, nexthop, route].map(idOf).sort();
      assert.deepEqual(await ids(host, scopeOf({ ids: [...some, 'route 254|10.5.77.0/24|0|0'] })), some);
      const kinds = await list(host, scopeOf({ kinds: ['fdb', 'route'] }));
      assert.deepEqual(new Set([...kinds.values()].map(({ kind }) => kind)), new Set(['fdb', 'route']));
      assert.deepEqual(await ids(host, scopeOf({ links: [vtep.name] })), [...desired.keys()].sort());
      assert.deepEqual(await ids(host, scopeOf({ links: ['flannel.7'] })), []);
    });

    kept('a foreign route in the slot is a conflict and stays', async (host) => {
      await build(host, [vtep, nexthop]);
      const foreign: Route = { ...plain, dev: 'eth0', gateway: '192.0.2.9', onlink: false, protocol: 4 };
      await host.put(foreign);
      const before = await one(host, foreign);
      assert.deepEqual(results(await host.driver.apply([create(route), create(plain)])), ['conflict', 'conflict']);
      assert.deepEqual(results(await host.driver.apply([remove(route), remove(plain)])), ['noop', 'noop']);
      assert.deepEqual(await one(host, foreign), before);
    });

    kept('a device of the same name that is no vxlan device is a conflict and stays', async (host) => {
      await host.put({ ...vtep, type: 'bridge', alias: '', tunnel: undefined });
      const before = await one(host, vtep);
      assert.equal((before as Link).type, 'bridge');
      assert.deepEqual(results(await host.driver.apply([create(vtep)])), ['conflict']);
      assert.deepEqual(await one(host, vtep), before);
    });

    kept('a VNI and port that another device has is a conflict', async (host) => {
      await host.put({ ...vtep, name: 'vxlan9', alias: '' });
      assert.deepEqual(results(await host.driver.apply([create(vtep)])), ['conflict']);
      assert.ok((await list(host)).has('link vxlan9'), 'a vxlan device of another name is listed');
    });

    kept('updates replace in place, a route in either form too', async (host) => {
      await build(host);
      const wants: Resource[] = [
        { ...neighbour, mac: '02:00:00:00:aa:01' },
        { ...fdb, dst: '198.18.9.9' },
        { ...nexthop, gateway: '10.5.2.1' },
        plain,
      ];
      const haves = [neighbour, fdb, nexthop, route];
      for (const [i, want] of wants.entries()) {
        assert.deepEqual(results(await host.driver.apply([update(haves[i]!, want)])), ['done'], idOf(want));
        const have = await one(host, want);
        assert.ok(have && compare(want, have).length === 0, idOf(want));
      }
      assert.deepEqual(results(await host.driver.apply([update(plain, route)])), ['done']);
      assert.equal(((await one(host, route)) as Route).nexthopId, route.nexthopId);
    });

    kept('what the kernel has learned gives way', async (host) => {
      await build(host, [vtep]);
      await host.put({ ...neighbour, mac: '02:00:00:00:bb:01', permanent: false });
      assert.deepEqual(results(await host.driver.apply([create(neighbour)])), ['done']);
      const have = await one(host, neighbour);
      assert.ok(have && compare(neighbour, have).length === 0);
    });

    kept(
      'of several routes in a slot the effective one comes first, and a delete names which it means',
      async (host) => {
        await build(host, [vtep]);
        const behind: Route = { ...plain, gateway: '10.5.2.9' };
        await host.put(plain);
        await host.put(behind);
        const gateways = async (): Promise<string[]> =>
          (await host.driver.list(scopeOf({ kinds: ['route'] }), interest)).haves.flatMap((have) =>
            have.kind === 'route' && have.dst === route.dst ? [have.gateway] : [],
          );
        assert.deepEqual(await gateways(), [plain.gateway, behind.gateway]);
        assert.deepEqual(results(await host.driver.apply([remove(behind)])), ['done']);
        assert.deepEqual(await gateways(), [plain.gateway]);
      },
    );

    kept('a route whose first is replaced by what stands behind it is refused', async (host) => {
      await build(host, [vtep]);
      const behind: Route = { ...plain, gateway: '10.5.2.9' };
      await host.put(plain);
      await host.put(behind);
      assert.deepEqual(results(await host.driver.apply([update(plain, behind)])), ['conflict']);
    });

    kept('a link that goes down takes routes, nexthops and ARP along, and keeps its FDB', async (host) => {
      await build(host);
      await host.setLink(vtep.name, { up: false });
      const kinds = new Set((await ids(host)).map((id) => id.split(' ')[0]));
      assert.deepEqual(kinds, new Set(['link', 'address', 'fdb']));
      assert.deepEqual(results(await host.driver.apply([update({ ...vtep, up: false }, vtep)])), ['done']);
      assert.deepEqual(new Set((await ids(host)).map((id) => id.split(' ')[0])), kinds);
    });

    kept('what stands on a link that is down vanishes, and so does what stands on none', async (host) => {
      await build(host, [vtep]);
      await host.setLink(vtep.name, { up: false });
      assert.deepEqual(results(await host.driver.apply([create(nexthop)])), ['vanished']);
      assert.deepEqual(results(await host.driver.apply([create(plain)])), ['vanished']);
      assert.deepEqual(results(await host.driver.apply([create(route)])), ['transient']);
    });

    kept('a link that is deleted takes everything along', async (host) => {
      await build(host);
      assert.deepEqual(results(await host.driver.apply([remove(vtep)])), ['done']);
      assert.deepEqual(await ids(host), []);
    });

    kept('a new MAC costs the ARP entries and nothing else', async (host) => {
      await build(host);
      const before = await ids(host);
      const renamed: Link = { ...vtep, mac: '02:00:00:00:cc:01' };
      assert.deepEqual(results(await host.driver.apply([update(vtep, renamed)])), ['done']);
      const neighbours = before.filter((id) => id.startsWith('neighbour '));
      assert.equal(neighbours.length, overlay.peers.length);
      assert.deepEqual(
        await ids(host),
        before.filter((id) => !neighbours.includes(id)),
      );
    });

    kept('MTU, alias and learning change in place; the port makes it anew', async (host) => {
      await build(host);
      const before = await ids(host);
      const changed: Link = { ...vtep, mtu: 1400, tunnel: vxlanOf(vtep, { learning: true }) };
      assert.deepEqual(results(await host.driver.apply([update(vtep, changed)])), ['done']);
      assert.deepEqual(compare(changed, (await one(host, vtep))!), []);
      assert.deepEqual(await ids(host), before);

      const moved: Link = { ...changed, tunnel: vxlanOf(changed, { port: 4789 }) };
      assert.deepEqual(results(await host.driver.apply([update(changed, moved, true)])), ['done']);
      assert.deepEqual(compare(moved, (await one(host, vtep))!), []);
      assert.deepEqual(await ids(host), [idOf(vtep)]);
    });

    kept('a nexthop object that goes takes its route along', async (host) => {
      await build(host);
      await host.removeNexthop(nexthop.id);
      assert.equal(await one(host, route), undefined);
      assert.deepEqual(results(await host.driver.apply([create(route)])), ['transient']);
      assert.deepEqual(results(await host.driver.apply([create(nexthop)])), ['done']);
      assert.deepEqual(results(await host.driver.apply([create(route)])), ['done']);
    });

    kept('what another does is told as a scope that covers it', async (host) => {
      await build(host);
      const seen: Scope[] = [];
      const stop = await host.driver.watch(
        (scope) => seen.push(scope),
        () => interest,
      );
      const told = (what: string, covers: (scope: Scope) => boolean): Promise<true> =>
        eventually(
          () => {
            host.deliver?.();
            return seen.some((scope) => scope.all || covers(scope)) || undefined;
          },
          { what: `an event about ${what}` },
        );
      const about =
        (resource: Resource) =>
        ({ ids: single, kinds }: Scope): boolean =>
          single.has(idOf(resource)) || kinds.has(resource.kind);
      try {
        await host.put({ ...plain, dst: '10.5.88.0/24' });
        await told('a new route', about({ ...plain, dst: '10.5.88.0/24' }));
        await host.removeNexthop(nexthop.id);
        await told('a nexthop object', about(nexthop));
        await host.setLink(vtep.name, { up: false });
        await told('the link', ({ links, ids: single }) => links.has(vtep.name) || single.has(idOf(vtep)));
      } finally {
        await stop();
      }
      seen.length = 0;
      await host.removeLink(vtep.name);
      host.deliver?.();
      assert.deepEqual(seen, [], 'nothing is told once the watch has been stopped');
    });
  });
}
