/** The seam: whatever a companion is, the agent treats it alike. Docker's own behaviour is in docker.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../../reconciler/contracts/driver.ts';
import type { Scope } from '../../../reconciler/contracts/scope.ts';
import type { Desired } from '../../../reconciler/desired/desired.ts';
import type { FileResource } from '../../../reconciler/kinds/index.ts';
import { type Companion, type CompanionReport, isConcerned } from '../../../states/companion.ts';
import { repairOnce, reportDrift } from '../../../states/once.ts';
import { World } from '../../helpers/agent-world.ts';

const FILE = '/run/follower.conf';

/** Keeps one file with the subnet in it, and acts whenever it is told to. */
class Follower implements Companion {
  readonly name = 'docker';
  wakeAt: number | undefined;
  /** What the next decision makes of wakeAt. */
  wakeNext: number | undefined;
  wantsToAct = false;
  looks = 0;
  decisions: (readonly Outcome[] | undefined)[] = [];
  acts = 0;
  changed: (() => void) | undefined;
  /** Ends the act that is under way. */
  finish: ((error?: Error) => void) | undefined;
  closed = false;
  path = FILE;
  readonly scopes: Scope[] = [];
  #subnet = '';

  interests() {
    return { devices: ['docker0'], files: [FILE] };
  }

  watch(changed: () => void): () => void {
    this.changed = changed;
    return () => {
      this.changed = undefined;
    };
  }

  async lookFor(desired: Desired, scope: Scope) {
    this.scopes.push(scope);
    if (!isConcerned(this, scope)) return undefined;
    this.looks++;
    this.#subnet = desired.hostSubnet()?.subnet ?? '';
    const file: FileResource = { kind: 'file', path: this.path, content: `${this.#subnet}\n`, mode: 0o644 };
    return { files: [file] };
  }

  decide(outcomes: readonly Outcome[] | undefined): boolean {
    this.decisions.push(outcomes);
    this.wakeAt = this.wakeNext;
    this.wakeNext = undefined;
    return this.wantsToAct && outcomes !== undefined && !this.finish;
  }

  act(): Promise<void> {
    this.acts++;
    this.wantsToAct = false;
    return new Promise((resolve, reject) => {
      this.finish = (error) => {
        this.finish = undefined;
        if (error) reject(error);
        else resolve();
      };
    });
  }

  report(): CompanionReport {
    const entry = { kind: 'docker', key: 'follower' } as const;
    const held = [{ ...entry, why: 'looking on', detail: `It follows ${this.#subnet}.`, unmet: false }];
    const drift = [{ ...entry, op: 'update' as const, reason: 'differs' }];
    return { held, drift, outcomes: [], sections: { docker: { mode: 'test', engine: null, bridge: null } } };
  }

  close(): void {
    this.closed = true;
  }
}

function rig(): { world: World; follower: Follower } {
  const follower = new Follower();
  return { world: new World({ companions: () => [follower] }), follower };
}

async function started() {
  const made = rig();
  await made.world.start();
  return made;
}

const fileIn = ({ kernel }: World, path = FILE) =>
  kernel.all().flatMap((have) => (have.kind === 'file' && have.path === path ? have.content : []))[0];

describe('a companion', () => {
  it('has its file written, and its part of the report', async () => {
    const { world } = await started();
    assert.equal(fileIn(world), `${world.report.network.subnet}\n`);
    assert.deepEqual(
      world.report.held.map(({ why }) => why),
      ['looking on'],
    );
    assert.equal(world.report.docker?.mode, 'test');
  });

  it('looks when its watch, a device or a file of its own says so, and not for a peer; it hears of that too', async () => {
    const { world, follower } = await started();
    const looks = async (cause: () => void): Promise<number> => {
      const before = follower.looks;
      cause();
      await world.advance(100);
      return follower.looks - before;
    };
    assert.equal(await looks(() => follower.changed?.()), 1);
    const address = { kind: 'address', dev: 'docker0', address: '172.17.0.1/16' } as const;
    assert.equal(await looks(() => world.kernel.addAddress(address)), 1);
    const scopes = follower.scopes.length;
    assert.equal(await looks(() => world.putPeer(7)), 0);
    assert.ok(follower.scopes.slice(scopes).some(({ peers }) => peers.has('10.5.7.0/24')));
    assert.equal(
      world.report.drift.some(({ kind }) => kind === 'docker'),
      false,
      'it did not look in that round',
    );
    assert.deepEqual(
      world.report.held.map(({ why }) => why),
      ['looking on'],
      'what it holds still stands',
    );
  });

  it('has a file that is changed by hand written again', async () => {
    const { world } = await started();
    world.kernel.writeFile({ kind: 'file', path: FILE, content: 'mine\n', mode: 0o644 });
    await world.advance(100);
    assert.equal(fileIn(world), `${world.report.network.subnet}\n`);
  });

  it('no longer has a file written that it wants no more, and it stays', async () => {
    const { world, follower } = await started();
    follower.path = '/run/other.conf';
    follower.changed?.();
    await world.advance(100);
    world.kernel.writeFile({ kind: 'file', path: FILE, content: 'mine\n', mode: 0o644 });
    await world.advance(100);
    assert.deepEqual([fileIn(world), fileIn(world, '/run/other.conf')], ['mine\n', `${world.report.network.subnet}\n`]);
  });

  it('is woken at its time, once', async () => {
    const { world, follower } = await started();
    follower.wakeNext = world.time.now() + 5000;
    follower.changed?.();
    await world.settle();
    const before = follower.looks;
    await world.advance(4000);
    assert.equal(follower.looks - before, 0);
    await world.advance(6000);
    assert.equal(follower.looks - before, 1);
  });

  it('acts after the round, beside the others, and is looked at when that has ended', async () => {
    const { world, follower } = await started();
    follower.wantsToAct = true;
    follower.changed?.();
    await world.settle();
    assert.equal(follower.acts, 1);
    world.putPeer(7);
    await world.advance(100);
    assert.equal(world.peerIds(7).length, 3, 'rounds go on meanwhile');
    const before = follower.looks;
    follower.finish?.();
    await world.settle();
    assert.deepEqual([follower.looks - before, world.agent.acting], [1, undefined]);
  });

  it('whose act rejects has ended all the same, and that is said', async () => {
    const { world, follower } = await started();
    follower.wantsToAct = true;
    follower.changed?.();
    await world.settle();
    follower.finish?.(new Error('The act has failed.'));
    await world.settle();
    assert.equal(world.said('The act has failed.').length, 1);
    assert.equal(world.agent.acting, undefined);
  });
});

describe('a companion of a single run', () => {
  it('is waited for, and looked at once more', async () => {
    const { world, follower } = rig();
    follower.wantsToAct = true;
    const run = repairOnce(world.deps);
    await world.settle();
    assert.deepEqual([follower.acts, follower.looks], [1, 1]);
    follower.finish?.();
    const report = await run;
    assert.equal(follower.looks, 2);
    assert.ok(report.converged);
  });

  it('decides without outcomes in a drift report, and neither writes nor acts', async () => {
    const { world, follower } = rig();
    follower.wantsToAct = true;
    await repairOnceAndFinish(world, follower);
    const acts = follower.acts;
    follower.wantsToAct = true;
    const before = fileIn(world);
    await reportDrift(world.deps);
    assert.deepEqual([follower.decisions.at(-1), follower.acts - acts, fileIn(world)], [undefined, 0, before]);
  });
});

async function repairOnceAndFinish(world: World, follower: Follower): Promise<void> {
  const run = repairOnce(world.deps);
  await world.settle();
  follower.finish?.();
  await run;
}
