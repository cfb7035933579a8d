/** The ears on a real kernel: what is heard, what is not, and that nothing makes them deaf. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetlinkOptions } from '../../../../drivers/netlink/driver.ts';
import { emptyScope, mergeScope, type Scope } from '../../../../reconciler/contracts/scope.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import {
  create,
  type Fixture,
  fixture,
  interest,
  objectsOf,
  peer,
  remove,
  update,
  vtep,
  vtepAddress,
} from './fixture.ts';

after(destroyAll);

/** On a machine that is busy with something else. */
const PATIENCE_MS = 60_000;

/** Collects what is emitted. */
class Ear {
  heard = emptyScope();
  emits: Scope[] = [];
  onEmit: () => void = () => {};

  emit = (scope: Scope): void => {
    this.emits.push(scope);
    mergeScope(this.heard, scope);
    this.onEmit();
  };

  /** What has been heard once `isEnough` holds. */
  async until(isEnough: (scope: Scope) => boolean, what: string): Promise<Scope> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!isEnough(this.heard)) {
      assert.ok(Date.now() < deadline, `not heard: ${what}; but ${show(this.heard)}`);
      await sleep(2);
    }
    return this.take();
  }

  take(): Scope {
    const { heard } = this;
    this.heard = emptyScope();
    return heard;
  }
}

const show = ({ all, kinds, links, ids }: Scope) =>
  JSON.stringify({ all, kinds: [...kinds], links: [...links], ids: [...ids] });

async function listening(label: string, options: NetlinkOptions = {}): Promise<Fixture & { ear: Ear }> {
  const f = await fixture(label, options);
  await f.driver.apply([create(vtep), create(vtepAddress), ...objectsOf(2).map(create)]);
  const ear = new Ear();
  await f.driver.watch(ear.emit, () => interest);
  return { ...f, ear };
}

/** A fence: something that is heard for certain, after which everything before it has been heard or never will be. */
async function fence({ ns, ear }: Fixture & { ear: Ear }): Promise<Scope> {
  const id = 'neighbour flannel.1|10.5.99.99';
  await ns.ip(...'neigh replace 10.5.99.99 lladdr 02:00:00:00:00:99 dev flannel.1 nud permanent'.split(' '));
  await ns.ip(...'neigh del 10.5.99.99 dev flannel.1'.split(' '));
  const heard = await ear.until((scope) => scope.ids.has(id), 'the fence');
  await sleep(20); // its second half
  mergeScope(heard, ear.take());
  heard.ids.delete(id);
  return heard;
}

test('what others do to our things is heard, by its id', async (t) => {
  const f = await listening('heard');
  t.after(f.close);
  const { neighbour, fdb, nexthop } = peer(2);
  const cases: [string, string[]][] = [
    [`neighbour flannel.1|${neighbour.ip}`, ['ip', 'neigh', 'del', neighbour.ip, 'dev', 'flannel.1']],
    [`fdb flannel.1|${fdb.mac}`, ['bridge', 'fdb', 'del', fdb.mac, 'dev', 'flannel.1', 'dst', fdb.dst, 'self']],
    ['route 254|10.5.2.0/24|0|0', ['ip', 'route', 'del', '10.5.2.0/24']],
    [`nexthop ${nexthop.id}`, ['ip', 'nexthop', 'del', 'id', String(nexthop.id)]],
    ['route 254|10.5.88.0/24|0|7', ['ip', 'route', 'add', '10.5.88.0/24', 'via', '192.0.2.254', 'metric', '7']],
    ['route 254|203.0.113.0/24|0|0', ['ip', 'route', 'add', '203.0.113.0/24', 'dev', 'flannel.1']],
  ];
  for (const [id, [cmd, ...args]] of cases) {
    const { code, stderr } = await f.ns.exec(cmd!, ...args);
    assert.equal(code, 0, stderr);
    const heard = await f.ear.until((scope) => scope.ids.has(id), id);
    assert.deepEqual([heard.all, heard.kinds.size, heard.links.size], [false, 0, 0]);
  }
});

test('a link’s and an address’s event make the whole link suspect', async (t) => {
  const f = await listening('links');
  t.after(f.close);
  const cases: [string, string[]][] = [
    ['flannel.1', ['link', 'set', 'flannel.1', 'mtu', '1400']],
    ['flannel.1', ['link', 'set', 'flannel.1', 'down']],
    ['flannel.1', ['address', 'del', '10.5.1.0/32', 'dev', 'flannel.1']],
    ['eth0', ['address', 'add', '192.0.2.7/24', 'dev', 'eth0']],
    ['eth0', ['link', 'set', 'eth0', 'down']],
    ['flannel.9', ['link', 'add', 'flannel.9', 'type', 'vxlan', 'id', '9', 'dstport', '8472']],
    ['flannel.1', ['link', 'set', 'flannel.1', 'name', 'gone0']],
    ['gone0', ['link', 'del', 'gone0']],
  ];
  for (const [link, args] of cases) {
    await f.ns.ip(...args);
    await f.ear.until((scope) => scope.links.has(link), args.join(' '));
  }
});

test('what does not concern us is not heard', async (t) => {
  const f = await listening('deafness');
  t.after(f.close);
  await f.ns.ipBatch([
    'link add br0 type bridge',
    'link set br0 up',
    'address add 10.6.0.1/24 dev br0',
    'neigh add 10.6.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent',
    'neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent',
    'route add 203.0.113.0/24 via 192.0.2.254',
    'route add 10.5.66.0/24 via 192.0.2.254 table 100',
    'nexthop add id 5 via 192.0.2.254 dev eth0',
  ]);
  await f.ns.bridgeBatch(['fdb add 02:00:00:00:00:09 dev br0 self permanent']);
  assert.equal(show(await fence(f)), show(emptyScope()));
});

test('our own writes are not heard, but for links and addresses', async (t) => {
  const f = await listening('own');
  t.after(f.close);
  const many = Array.from({ length: 600 }, (_, n) => objectsOf(n + 10)).flat();
  await f.driver.apply(many.map(create));
  const { neighbour, fdb } = peer(20);
  await f.driver.apply([
    update(neighbour, { ...neighbour, mac: '02:bb:00:00:00:01' }),
    update(fdb, { ...fdb, dst: '192.0.2.99' }),
    ...objectsOf(21).reverse().map(remove),
  ]);
  assert.equal(show(await fence(f)), show(emptyScope()));
  await f.driver.apply([update(vtep, { ...vtep, mtu: 1400 })]);
  await f.ear.until((scope) => scope.links.has('flannel.1'), 'our own change of a link');
});

test('a foreign write beside our own is heard', async (t) => {
  const f = await listening('beside');
  t.after(f.close);
  const { fdb } = peer(30);
  await f.driver.apply([create(fdb)]);
  await f.ns.exec('bridge', 'fdb', 'replace', fdb.mac, 'dev', 'flannel.1', 'dst', '192.0.2.66', 'self', 'permanent');
  await f.ear.until((scope) => scope.ids.has(`fdb flannel.1|${fdb.mac}`), 'the foreign write');
});

/** Runs the commands while this process's event loop stands still, so that all their events wait for it. */
function whileDeaf({ ns }: Fixture, lines: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', ['-n', ns.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  assert.equal(status, 0, String(stderr));
}

for (const [how, eventBuffer, run] of [
  ['a tiny event buffer', 2048, (f: Fixture, lines: readonly string[]) => f.ns.ipBatch([...lines])],
  ['a blocked event loop', 64 * 1024, whileDeaf],
] as const) {
  test(`an overflow by ${how} makes everything suspect, and hearing goes on`, async (t) => {
    const f = await listening('overflow', { eventBuffer });
    t.after(f.close);
    const subnets = Array.from({ length: 20_000 }, (_, n) => `10.5.${n >> 8}.${n & 255}/32`);
    await run(
      f,
      subnets.map((dst) => `route add ${dst} via 192.0.2.254`),
    );
    await f.ear.until((scope) => scope.all, 'the overflow');
    assert.ok((f.driver.overruns?.() ?? 0) > 0, 'it is not counted');
    await sleep(50);
    f.ear.take();
    for (let n = 0; n < 3; n++) {
      await f.ns.ip('route', 'del', `10.5.0.${n}/32`);
      await f.ear.until((scope) => scope.ids.has(`route 254|10.5.0.${n}/32|0|0`), `route ${n} after the overflow`);
    }
    await run(
      f,
      subnets.slice(3).map((dst) => `route del ${dst} via 192.0.2.254`),
    );
    await f.ear.until((scope) => scope.all, 'the second overflow');
    await f.ns.ip('neigh', 'del', '10.5.2.0', 'dev', 'flannel.1');
    await f.ear.until(
      (scope) => scope.all || scope.ids.has('neighbour flannel.1|10.5.2.0'),
      'an event after the second',
    );
  });
}

test('an overflow that our own write runs into first is one all the same', async (t) => {
  const f = await listening('midwrite', { eventBuffer: 2048 });
  t.after(f.close);
  whileDeaf(
    f,
    Array.from({ length: 500 }, (_, n) => `route add 10.5.9.${n & 255}/32 via 192.0.2.254 metric ${n}`),
  );
  await f.driver.apply([create(peer(9).neighbour)]);
  await f.ear.until((scope) => scope.all, 'the overflow');
});

test('a large buffer takes a burst of 20,000 events without a doubt', async (t) => {
  const f = await listening('burst');
  t.after(f.close);
  const subnets = Array.from({ length: 20_000 }, (_, n) => `10.6.${n >> 8}.${n & 255}/32`);
  whileDeaf(
    f,
    subnets.map((dst) => `route add ${dst} via 192.0.2.254`),
  );
  assert.equal(show(await fence(f)), show(emptyScope()));
});

test('a big batch of our own does not overflow our ears', async (t) => {
  const f = await listening('bigbatch', { eventBuffer: 1 << 20 });
  t.after(f.close);
  const many = Array.from({ length: 8000 }, (_, n) => objectsOf(n + 256)).flat();
  await f.driver.apply(many.map(create));
  assert.equal(show(await fence(f)), show(emptyScope()));
});

test('one emit for a burst, and none after stopping', async (t) => {
  const f = await fixture('stop');
  t.after(f.close);
  await f.driver.apply([create(vtep)]);
  const ear = new Ear();
  const stop = await f.driver.watch(ear.emit, () => interest);
  // While others have the processor, a burst that is heard as it comes may be heard one by one: here all of it waits.
  whileDeaf(
    f,
    Array.from({ length: 256 }, (_, n) => `neigh add 10.5.2.${n} lladdr 02:00:00:00:00:10 dev flannel.1 nud permanent`),
  );
  await ear.until((scope) => scope.ids.size === 256, 'the burst');
  assert.deepEqual(
    ear.emits.map(({ ids }) => ids.size).filter((size) => size > 0),
    [256],
  );
  await stop();
  await stop();
  const { length } = ear.emits;
  await f.ns.ip('neigh', 'del', '10.5.2.7', 'dev', 'flannel.1');
  await sleep(50);
  assert.equal(ear.emits.length, length);
});

test('an emit that throws is an uncaught exception, and hearing goes on', async (t) => {
  const f = await listening('throws');
  t.after(f.close);
  const thrown: unknown[] = [];
  const keep = (error: unknown) => thrown.push(error);
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', keep);
  try {
    f.ear.onEmit = () => {
      f.ear.onEmit = () => {};
      throw new Error('from emit');
    };
    await f.ns.ip('neigh', 'del', '10.5.2.0', 'dev', 'flannel.1');
    await f.ear.until((scope) => scope.ids.size > 0, 'the event');
    await sleep(10);
  } finally {
    process.off('uncaughtException', keep);
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  assert.match(String(thrown[0]), /from emit/);
  await f.ns.ip('route', 'del', '10.5.2.0/24');
  await f.ear.until((scope) => scope.ids.has('route 254|10.5.2.0/24|0|0'), 'the next event');
});

test('hearing survives garbage collections', async (t) => {
  const f = await listening('gc');
  t.after(f.close);
  for (let n = 0; n < 20; n++) {
    Array.from({ length: 200_000 }, (_, i) => ({ i }));
    await sleep(1);
  }
  await f.ns.ip('neigh', 'del', '10.5.2.0', 'dev', 'flannel.1');
  await f.ear.until((scope) => scope.ids.size > 0, 'an event');
});
