/** The companion that asks peers in turn, in an agent's world: whom it asks, what it tells, and what it leaves alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answers, Prober, ProbeTarget } from '../../../reconciler/probe/turn.ts';
import { ProbeCompanion } from '../../../states/probe.ts';
import { World } from '../../helpers/agent-world.ts';
import { addressOf, CONFIG_KEY } from '../../helpers/store.ts';

const EVERY_MS = 1000;
const HOST_GW = '{"Network":"10.5.0.0/16","Backend":{"Type":"host-gw"}}';
const ANSWERED = { result: 'answered', ms: 1 } as const;
const SILENT = { result: 'silent' } as const;

class MemoryProber implements Prober {
  readonly asked: ProbeTarget[] = [];
  /** Subnets that don't answer. */
  readonly silent = new Set<string>();
  serves = '';
  isPeer: (address: string) => boolean = () => false;
  isClosed = false;

  async ask(target: ProbeTarget): Promise<Answers> {
    this.asked.push(target);
    const echo = this.silent.has(target.subnet) ? SILENT : ANSWERED;
    return { icmp: echo, tcp: echo };
  }

  serve(address: string, isPeer: (address: string) => boolean): void {
    this.serves = address;
    this.isPeer = isPeer;
  }

  close(): void {
    this.isClosed = true;
  }
}

async function rig(peers: readonly number[]) {
  const prober = new MemoryProber();
  const world = new World({
    companions: ({ deps: { clock } }) => [new ProbeCompanion({ clock, everyMs: EVERY_MS, prober })],
  });
  for (const peer of peers) world.putPeer(peer);
  await world.start();
  world.withoutLevel();
  const subnets = (): string[] => prober.asked.splice(0).map(({ subnet }) => subnet.split('.')[2]!);
  return { prober, world, subnets };
}

describe('a daemon that probes', () => {
  it('asks one peer in each interval, in turn, at the address of its device', async () => {
    const { prober, world, subnets } = await rig([7, 8, 9]);
    await world.advance(EVERY_MS * 4);
    assert.deepEqual(prober.asked[0], { subnet: '10.5.7.0/24', publicIP: addressOf(256 + 7), address: '10.5.7.0' });
    assert.deepEqual(subnets(), ['7', '8', '9', '7']);
  });

  it('makes no round and no report while all is as before', async () => {
    const { world, subnets } = await rig([7, 8]);
    const before = world.reports.length;
    await world.advance(EVERY_MS * 20);
    assert.ok(subnets().length >= 19);
    assert.equal(world.reports.length, before);
  });

  it('asks a silent peer twice, then tells it with since when, and takes it back when it answers; both hold in sync', async () => {
    const { prober, world } = await rig([7, 8]);
    prober.silent.add('10.5.8.0/24');
    await world.advance(EVERY_MS * 2);
    assert.equal(world.report.probes?.unreachable.length, 0, 'a single loss says nothing');
    await world.advance(EVERY_MS);
    const { probes, held, converged } = world.report;
    assert.deepEqual(
      probes?.unreachable.map(({ subnet, publicIP, lacks }) => [subnet, publicIP, lacks]),
      [['10.5.8.0/24', addressOf(256 + 8), 'none']],
    );
    assert.equal(probes?.everyMs, EVERY_MS);
    assert.equal(probes?.unreachable[0]?.since, new Date(world.time.now()).toISOString());
    assert.deepEqual(
      held.filter(({ kind }) => kind === 'peer').map(({ key, why, unmet }) => [key, why, unmet]),
      [['10.5.8.0/24', 'no answer', false]],
    );
    assert.equal(converged, true);
    prober.silent.clear();
    await world.advance(EVERY_MS * 3);
    assert.deepEqual(world.report.probes?.unreachable, []);
    assert.equal(world.report.converged, true);
  });

  it('follows peers that come and go, and forgets what it knew of one whose lease is gone', async () => {
    const { prober, world, subnets } = await rig([7, 8]);
    prober.silent.add('10.5.8.0/24');
    await world.advance(EVERY_MS * 3);
    assert.equal(world.report.probes?.unreachable.length, 1);
    world.store.delete(`${CONFIG_KEY.replace(/config$/, 'subnets/')}10.5.8.0-24`);
    world.putPeer(9);
    await world.settle();
    assert.deepEqual(world.report.probes?.unreachable, []);
    subnets();
    await world.advance(EVERY_MS * 4);
    assert.deepEqual(new Set(subnets()), new Set(['7', '9']));
  });

  it('without a device asks at the bridge, and answers there too', async () => {
    const { prober, world } = await rig([7]);
    await world.advance(EVERY_MS);
    assert.match(prober.serves, /^10\.5\.\d+\.0$/);
    assert.deepEqual([prober.isPeer('10.5.7.0'), prober.isPeer('10.5.99.0')], [true, false]);
    world.store.put(CONFIG_KEY, HOST_GW);
    await world.settle();
    prober.asked.length = 0;
    await world.advance(EVERY_MS);
    assert.equal(prober.asked[0]?.address, '10.5.7.1');
    assert.match(prober.serves, /^10\.5\.\d+\.1$/);
  });

  it('asks nobody before there is anybody', async () => {
    const { prober, world } = await rig([]);
    await world.advance(EVERY_MS * 5);
    assert.deepEqual([prober.asked, prober.serves !== ''], [[], true]);
  });

  it('lets go of its sockets, and asks nobody any more once it is stopped', async () => {
    const { prober, world } = await rig([7]);
    const [companion] = world.deps.companions;
    world.kill();
    companion!.close();
    prober.asked.length = 0;
    await world.advance(EVERY_MS * 5);
    assert.deepEqual([prober.asked, prober.isClosed], [[], true]);
  });
});
