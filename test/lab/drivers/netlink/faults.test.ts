/** Every fault once, under a real kernel: the answer stays right or says that it isn't, and the next one is whole again. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { everything, scopeOf } from '../../../../reconciler/contracts/scope.ts';
import { idOf } from '../../../../reconciler/kinds/index.ts';
import { type Fault, FaultyTransport } from '../../../helpers/faulty-transport.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import { create, type Fixture, fixture, interest, objectsOf, peer, remove, results, vtep } from './fixture.ts';

after(destroyAll);

const { EBADF, EBUSY, EINTR, EMFILE, ENOBUFS, EPERM } = constants.errno;

async function faulty(label: string) {
  let transport: FaultyTransport | undefined;
  const f = await fixture(label, {
    wrap: (inner) => {
      transport = new FaultyTransport(inner);
      return transport;
    },
  });
  await f.driver.apply([create(vtep), ...[2, 3, 4].flatMap(objectsOf).map(create)]);
  return { ...f, transport: transport! };
}

const PASSING: Fault[] = [
  { at: 'receive', errno: ENOBUFS },
  { at: 'receive', errno: EINTR },
  { at: 'receive', errno: EBADF },
  { at: 'send', errno: EBADF },
  { at: 'send', errno: ENOBUFS },
  { at: 'answer', errno: EBUSY },
  { at: 'answer', errno: EINTR },
  { at: 'interrupted' },
  { at: 'done', errno: EBUSY },
];

for (const fault of PASSING) {
  const name = `${fault.at} ${'errno' in fault ? fault.errno : ''}`;
  test(`a listing comes through once: ${name}`, async (t) => {
    const f = await faulty('list');
    t.after(f.close);
    const before = await f.driver.list(everything(), interest);
    f.transport.arm(fault);
    assert.deepEqual(await f.driver.list(everything(), interest), before);
    assert.equal(f.transport.unconsumed, 0);
    assert.equal(before.complete, true);
  });
}

test('a listing that keeps failing is incomplete and says why; the next is whole', async (t) => {
  const f = await faulty('incomplete');
  t.after(f.close);
  const whole = await f.driver.list(everything(), interest);
  for (const fault of [
    { at: 'answer', errno: EPERM },
    { at: 'send', errno: EMFILE },
  ] as const) {
    f.transport.arm(fault);
    const listing = await f.driver.list(everything(), interest);
    assert.equal(listing.complete, false);
    assert.match(listing.problem ?? '', /^The kernel's links could not be listed \(E(PERM|MFILE)\)\.$/);
    assert.equal(f.transport.unconsumed, 0);
    assert.deepEqual(await f.driver.list(everything(), interest), whole);
  }
  f.transport.arm(...Array.from({ length: 50 }, () => ({ at: 'interrupted' }) as const));
  assert.equal((await f.driver.list(scopeOf({ kinds: ['route'] }), interest)).complete, false);
  f.transport.disarm();
  f.transport.arm({ at: 'answer', errno: EPERM });
  assert.equal((await f.driver.list(scopeOf({ ids: [idOf(peer(2).neighbour)] }), interest)).complete, false);
  f.transport.arm({ at: 'answer', errno: EPERM });
  assert.throws(() => f.driver.facts(), /could not be listed \(EPERM\)/);
});

test('one message of a batch fails: first, middle or last, it is that change and no other', async (t) => {
  const f = await faulty('nth');
  t.after(f.close);
  const wants = Array.from({ length: 50 }, (_, n) => peer(n + 10).neighbour);
  for (const nth of [0, 20, 49]) {
    f.transport.arm({ at: 'message', nth, errno: EPERM });
    const outcomes = await f.driver.apply(wants.map(create));
    assert.equal(f.transport.unconsumed, 0);
    assert.deepEqual(
      results(outcomes),
      wants.map((_, i) => (i === nth ? 'denied EPERM' : 'done')),
    );
    assert.match(outcomes[nth]?.failure?.message ?? '', /CAP_NET_ADMIN/);
    const { haves } = await f.driver.list(scopeOf({ ids: wants.map(idOf) }), interest);
    assert.equal(haves.length, 49);
    await f.driver.apply(haves.map(remove));
  }
});

test('a device that can not be looked up is not taken for one that is gone', async (t) => {
  const f = await faulty('lookup');
  t.after(f.close);
  for (const change of [create(peer(9).neighbour), remove(peer(2).neighbour), remove(vtep), create(vtep)]) {
    f.transport.arm({ at: 'answer', errno: EPERM });
    assert.deepEqual(results(await f.driver.apply([change])), ['denied EPERM'], change.id);
    assert.equal(f.transport.unconsumed, 0);
  }
});

test('a write that is acknowledged and not done says done: only the read-back shows it', async (t) => {
  const f = await faulty('ignored');
  t.after(f.close);
  const wants = [10, 11, 12].map((n) => peer(n).neighbour);
  f.transport.arm({ at: 'ignored', nth: 1 });
  assert.deepEqual(results(await f.driver.apply(wants.map(create))), ['done', 'done', 'done']);
  assert.equal(f.transport.unconsumed, 0);
  const { haves } = await f.driver.list(scopeOf({ ids: wants.map(idOf) }), interest);
  assert.deepEqual(haves, [wants[0], wants[2]]);
});

test('a batch whose answer is lost is of unknown outcome: transient, and done all the same', async (t) => {
  const f = await faulty('unknown');
  t.after(f.close);
  const wants = [10, 11, 12].map((n) => peer(n).route);
  await f.driver.apply([10, 11, 12].map((n) => create(peer(n).nexthop)));
  f.transport.arm({ at: 'receive', errno: ENOBUFS });
  const outcomes = await f.driver.apply(wants.map((want) => create(want)));
  assert.deepEqual(results(outcomes), Array(3).fill('transient ENOBUFS'));
  assert.deepEqual(results(await f.driver.apply(wants.map((want) => create(want)))), ['noop', 'noop', 'noop']);
});

test('more than 300 failures in one batch are all told, each with its own words', async (t) => {
  const f = await faulty('many');
  t.after(f.close);
  const bad = { ...peer(2).route, nexthopId: 0, dst: '10.5.2.1/24' };
  const changes = Array.from({ length: 1000 }, (_, n) =>
    create(n % 2 ? peer(n + 10).neighbour : { ...bad, metric: n }),
  );
  const outcomes = await f.driver.apply(changes);
  outcomes.forEach(({ change, result, failure }, n) => {
    assert.equal(change, changes[n]);
    assert.equal(result, n % 2 ? 'done' : 'failed');
    if (n % 2 === 0) assert.match(failure?.message ?? '', /Invalid prefix for given prefix length/);
  });
  const { haves } = await f.driver.list(scopeOf({ kinds: ['neighbour'] }), interest);
  assert.equal(haves.length, 503);
});

test('a thousand conflicts are looked into with one dump', async (t) => {
  const f = await faulty('conflicts');
  t.after(f.close);
  const routes = Array.from({ length: 1000 }, (_, n) => ({ ...peer(n + 10).route, nexthopId: 0 }));
  await f.ns.ipBatch(routes.map(({ dst }) => `route add ${dst} via 192.0.2.254`));
  f.transport.sent = 0;
  assert.deepEqual([...new Set(results(await f.driver.apply(routes.map(create))))], ['conflict EEXIST']);
  assert.ok(f.transport.sent < 20, `${f.transport.sent} requests`);
});

for (const kind of ['neighbour', 'fdb', 'nexthop', 'route'] as const) {
  test(`a listing that races with changes is never half a truth: ${kind}`, async (t) => {
    const f = await faulty('race');
    t.after(f.close);
    const stable = Array.from({ length: 2000 }, (_, n) => ({
      ...peer(n + 10),
      route: { ...peer(n + 10).route, nexthopId: 0 },
    }));
    await f.driver.apply(stable.map((objects) => create(objects[kind])));
    const ids = stable.map((objects) => idOf(objects[kind]));
    let running = true;
    const churning = churn(f, kind).finally(() => {
      running = false;
    });
    let listings = 0;
    while (running) {
      const listing = await f.driver.list(scopeOf({ kinds: [kind] }), { ...interest, networks: ['10.0.0.0/8'] });
      const seen = new Set(listing.haves.map(idOf));
      if (listing.complete) assert.equal(ids.filter((id) => !seen.has(id)).length, 0);
      else assert.match(listing.problem ?? '', /EINTR/);
      listings++;
      await sleep(1);
    }
    await churning;
    assert.ok(listings > 0);
    const after = await f.driver.list(scopeOf({ kinds: [kind] }), { ...interest, networks: ['10.0.0.0/8'] });
    assert.deepEqual([after.complete, new Set(after.haves.map(idOf)).size], [true, after.haves.length]);
  });
}

/** Some thousand changes beside the stable ones, by iproute2. */
async function churn({ ns }: Fixture, kind: 'neighbour' | 'fdb' | 'nexthop' | 'route'): Promise<void> {
  const rounds = 8;
  const toggle = (make: (n: number) => string, unmake: (n: number) => string) =>
    Array.from({ length: rounds * 500 }, (_, n) => (n % 500 < 250 ? make(n % 250) : unmake(n % 250)));
  const mac = (n: number) => `06:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
  switch (kind) {
    case 'neighbour':
      await ns.ipBatch(
        toggle(
          (n) => `neigh add 10.250.0.${n} lladdr ${mac(n)} dev flannel.1 nud permanent`,
          (n) => `neigh del 10.250.0.${n} dev flannel.1`,
        ),
      );
      break;
    case 'fdb':
      await ns.bridgeBatch(
        toggle(
          (n) => `fdb add ${mac(n)} dev flannel.1 dst 192.0.2.9 self permanent`,
          (n) => `fdb del ${mac(n)} dev flannel.1 dst 192.0.2.9 self`,
        ),
      );
      break;
    case 'nexthop':
      await ns.ipBatch(
        toggle(
          (n) => `nexthop add id ${n + 1} blackhole`,
          (n) => `nexthop del id ${n + 1}`,
        ),
      );
      break;
    case 'route':
      await ns.ipBatch(
        toggle(
          (n) => `route add 10.5.${n}.128/25 via 192.0.2.254`,
          (n) => `route del 10.5.${n}.128/25 via 192.0.2.254`,
        ),
      );
  }
}

test('without CAP_NET_ADMIN everything can be read and nothing written, and it says what is missing', async (t) => {
  const f = await fixture('denied');
  t.after(f.close);
  await f.driver.apply([create(vtep), ...objectsOf(2).map(create)]);
  const script = new URL('./unprivileged.ts', import.meta.url).pathname;
  const { stdout, stderr, code } = await f.ns.exec(
    'setpriv',
    // Not as another user, who may not look into the home directory that this checkout is in.
    '--bounding-set=-net_admin',
    '--inh-caps=-net_admin',
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    script,
  );
  assert.equal(code, 0, stderr);
  const { listed, complete, outcomes } = JSON.parse(stdout);
  assert.equal(complete, true);
  assert.equal(listed, 6);
  assert.deepEqual(outcomes, ['denied EPERM', 'denied EPERM', 'denied EPERM', 'denied EPERM', 'denied EPERM']);
});
