/**
 * The same of a whole agent, on a host that somebody damages all the while: what is alive after 100,000 changes of leases and thousands of repairs is
 * a function of the peers. Counted are live objects by weak references (what the store has said, what was wanted, what was reported), and what the
 * heap has after a collection, at a fifth of the way and at its end.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { World } from '../helpers/agent-world.ts';
import { keyFor, valueFor } from '../helpers/store.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const PEERS = 100;
const CHANGES = 100_000;
const BATCH = 250;
/** More than maps and strings differ by from one moment to the next; a change that left 40 bytes behind would show. */
const MOST_GROWTH = 3_000_000;

class Watched {
  readonly #refs = new Map<string, WeakRef<object>[]>();

  add(what: string, objects: Iterable<object>): void {
    const refs = this.#refs.get(what) ?? [];
    for (const object of objects) refs.push(new WeakRef(object));
    this.#refs.set(what, refs);
  }

  /** How many there are, each counted once. Forgets those that are gone. */
  async alive(): Promise<Record<string, number>> {
    // A reference that was made in this turn of the loop keeps its object until the next one.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    for (const [what, refs] of this.#refs) {
      const objects = new Set(refs.flatMap((ref) => ref.deref() ?? []));
      this.#refs.set(
        what,
        [...objects].map((object) => new WeakRef(object)),
      );
    }
    await new Promise((resolve) => setImmediate(resolve));
    return Object.fromEntries([...this.#refs].map(([what, refs]) => [what, refs.length]));
  }
}

/** A host that moves, one that leaves, one that comes back, one whose lease nobody can read for a while. */
function change({ store }: World, count: number, watched: Watched): void {
  const n = 1 + (count % PEERS);
  const key = keyFor(`10.5.${n}.0/24`);
  const turn = Math.floor(count / PEERS);
  if (turn % 4 === 2) return store.delete(key);
  const value = turn % 4 === 3 ? 'junk' : valueFor(256 + n + 1000 * (turn % 7));
  watched.add('records', [store.put(key, value)]);
}

/** As somebody at the keyboard. */
function damage({ kernel }: World, round: number): void {
  const { routes, neighbours, fdb, nexthops, addresses } = kernel.view;
  for (const [route] of [...routes.values()].slice(0, 10)) kernel.deleteRoute(route!);
  for (const one of [...neighbours.values()].slice(10, 20)) kernel.deleteNeighbour(one);
  for (const one of [...fdb.values()].slice(20, 30)) kernel.setFdb({ ...one, dst: '192.0.2.99' }, 'replace');
  for (const id of [...nexthops.keys()].slice(30, 40)) kernel.deleteNexthop(id);
  if (round % 5 === 0) for (const one of [...addresses.values()]) kernel.deleteAddress(one);
  if (round % 10 === 0 && kernel.link('flannel.1')) kernel.deleteLink('flannel.1');
}

it('100,000 changes on a host that is damaged again and again leave nothing behind in the agent', async () => {
  const world = await new World().start();
  const watched = new Watched();
  const heap: number[] = [];
  let repairs = 0;
  for (let count = 0; count < CHANGES; ) {
    // Heard as one, as a watch that is behind hears it.
    world.store.deaf = true;
    for (const end = count + BATCH; count < end; count++) change(world, count, watched);
    world.store.deaf = false;
    world.store.deliver();
    const batch = count / BATCH;
    if (batch % 4 === 0) damage(world, batch / 4);
    await world.advance(750);
    watched.add('wants', world.agent.state.desired?.wants.values() ?? []);
    watched.add('leases', world.agent.state.mirror.allLeases);
    watched.add('reports', world.reports);
    repairs += world.reports.reduce((sum, { drift }) => sum + drift.length, 0);
    // What the test itself keeps: the store's past, and all that was said.
    world.store.compact();
    world.store.writes = [];
    world.reports.length = 0;
    world.log.length = 0;
    if (count % (CHANGES / 5) === 0) {
      await watched.alive();
      heap.push(process.memoryUsage().heapUsed);
    }
  }
  // The last that failed or was contested is forgotten with time.
  await world.advance(3_600_000);
  world.reports.length = 0;
  const { records, wants, leases, reports } = await watched.alive();
  assert.ok(repairs > 10 * PEERS, `${repairs} repairs`);
  assert.ok(records! > 0 && records! <= 2 * PEERS + 2, `${records} records of ${CHANGES} are alive`);
  assert.ok(wants! > 0 && wants! <= 2 * (4 * PEERS + 4), `${wants} wants are alive`);
  assert.ok(leases! <= 2 * PEERS + 2, `${leases} leases are alive`);
  assert.ok(reports! <= 2, `${reports} reports are alive`);
  const growth = heap.at(-1)! - heap[0]!;
  assert.ok(growth < MOST_GROWTH, `the heap grew by ${growth} bytes: ${heap.join(', ')}`);
  world.kill();
});
