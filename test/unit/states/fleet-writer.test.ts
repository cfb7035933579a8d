import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { StoreError } from '../../../reconciler/contracts/source.ts';
import { type Summary, summaryOf } from '../../../reconciler/fleet/summary.ts';
import { readWords } from '../../../states/fleet-words.ts';
import { FleetWriter, type FleetWriterDeps } from '../../../states/fleet-writer.ts';
import { MemoryStore } from '../../helpers/memory-store.ts';
import { SimulatedTime } from '../../helpers/simulated-time.ts';
import { statusWith } from '../../helpers/status.ts';

const PREFIX = '/coreos.com/network';
const KEY = `${PREFIX}/selvage/10.5.1.0-24`;

function start(t: TestContext, parts: Partial<FleetWriterDeps> = {}) {
  const time = new SimulatedTime();
  const store = new MemoryStore(PREFIX, time.now);
  const said: string[] = [];
  const silent = () => {};
  let subnet: string | undefined = '10.5.1.0/24';
  let summary: Summary = summaryOf(statusWith(), undefined);
  const writer = new FleetWriter({
    prefix: PREFIX,
    clock: { now: time.now, steady: time.steady, sleep: time.sleep },
    log: { debug: silent, info: silent, error: silent, warn: (_: object, text: string) => void said.push(text) },
    random: () => 0,
    leases: () => store.leases,
    subnet: () => subnet,
    hosts: () => 2,
    summary: () => ({ ...summary, at: new Date(time.now()).toISOString() }),
    ...parts,
  });
  t.after(() => void writer.close());
  const say = (change: Partial<Summary>): void => {
    summary = { ...summary, ...change };
    writer.changed();
  };
  const writes = () => store.writes.filter((write) => /^(create|update) .*\/selvage\//.test(write)).length;
  return { time, store, said, writer, say, writes, move: (to: string | undefined) => (subnet = to) };
}

describe('what a host says of itself', () => {
  it('is written at once, then when it changes, and at most every 30 s', async (t) => {
    const { time, store, say, writes } = start(t);
    await time.settle();
    assert.equal(JSON.parse(store.get(KEY)?.value ?? '{}').inSync, true);
    for (let i = 0; i < 20; i++) {
      say({ held: i + 1 });
      await time.advance(1000);
    }
    assert.equal(writes(), 1);
    await time.advance(11_000);
    assert.equal(writes(), 2);
    assert.equal(JSON.parse(store.get(KEY)?.value ?? '{}').held, 20);
    // After a quiet time a change is told soon.
    await time.advance(300_000);
    assert.equal(writes(), 2);
    say({ inSync: false });
    await time.advance(2000);
    assert.equal(writes(), 3);
  });

  it('is told by the hosts of a large network one after the other, where something changes on all of them', async (t) => {
    const hosts = 1000;
    const fleet = Array.from({ length: 20 }, (_, i) => start(t, { hosts: () => hosts, random: () => i / 20 }));
    for (const { time } of fleet) await time.settle();
    for (const { time } of fleet) await time.advance(100_000);
    const before = fleet.map(({ writes }) => writes());
    for (const { say } of fleet) say({ inSync: false });
    const told = () => fleet.filter(({ writes }, i) => writes() > before[i]!).length;
    for (const { time } of fleet) await time.advance(2000);
    assert.equal(told(), 2);
    for (const { time } of fleet) await time.advance(9000);
    assert.equal(told(), 11);
    for (const { time } of fleet) await time.advance(10_000);
    assert.equal(told(), 20);
  });

  it('is not written again for what ticks, and lives as long as its daemon', async (t) => {
    const { time, store, say, writes } = start(t);
    await time.settle();
    for (let i = 0; i < 100; i++) {
      say({ wrong: [`Busy; tried ${i + 2} times, again in ${i}.5 s.`] });
      await time.advance(31_000);
    }
    assert.ok(writes() <= 2, `${writes()} writes`);
    const [word] = (await readWords(store, PREFIX, time.now())).values();
    assert.ok(word && word.heard <= 31, JSON.stringify(word));
  });

  it('goes with the daemon, also one that is killed; and follows a host to another subnet', async (t) => {
    const { time, store, writer, say, move } = start(t);
    await time.settle();
    move('10.5.2.0/24');
    say({});
    await time.advance(40_000);
    assert.equal(store.get(KEY), undefined);
    assert.ok(store.get(KEY.replace('.1.', '.2.')));
    await writer.close();
    assert.equal(store.get(KEY.replace('.1.', '.2.')), undefined);
    const other = start(t);
    await other.time.settle();
    other.store.cut();
    await other.time.advance(121_000);
    other.store.mend();
    // Killed or cut off: nobody extends its life.
    assert.equal(other.store.get(KEY), undefined);
  });

  it('waits for a lease, takes back what somebody deleted, and a last daemon’s is left to end', async (t) => {
    const { time, store, move, say } = start(t, {});
    await time.settle();
    move(undefined);
    say({});
    await time.advance(40_000);
    assert.equal(store.get(KEY), undefined);
    store.putFor(KEY, 'of the last one', 100);
    move('10.5.1.0/24');
    say({});
    await time.advance(200_000);
    assert.equal(JSON.parse(store.get(KEY)?.value ?? '{}').hostname, 'web1');
    store.delete(KEY);
    await time.advance(70_000);
    assert.ok(store.get(KEY));
  });

  it('that may not be written is said once, and given up', async (t) => {
    let calls = 0;
    const deny = async (): Promise<never> => {
      calls++;
      throw new StoreError('denied', 'etcd at http://x does not permit it: grant a role.');
    };
    const leases = { create: deny, update: deny, renew: deny, release: deny, timeLeft: deny };
    const { time, said } = start(t, { leases: () => leases });
    await time.advance(600_000);
    assert.deepEqual([calls, said.length], [1, 1]);
    assert.match(
      said[0] ?? '',
      /does not permit it.*readwrite on \/coreos\.com\/network\/selvage\/, or leave --fleet out\.$/,
    );
  });
});
