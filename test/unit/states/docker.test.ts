import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everything } from '../../../reconciler/contracts/scope.ts';
import type { Window } from '../../../reconciler/docker/restart.ts';
import { DockerCompanion } from '../../../states/docker.ts';
import { World } from '../../helpers/agent-world.ts';
import { DAEMON_JSON, ModelDocker, OPTS_FILE } from '../../helpers/model-docker.ts';
import { CONFIG_KEY } from '../../helpers/store.ts';

const MINUTE = 60_000;
const MOVED = JSON.stringify({ Network: '10.5.0.0/16', SubnetMin: '10.5.200.0', Backend: { Type: 'vxlan' } });
const START = JSON.stringify({ Network: '10.5.0.0/16', SubnetMax: '10.5.99.0', Backend: { Type: 'vxlan' } });

interface Rig {
  world: World;
  docker: ModelDocker;
}

function rig(argv: string[], window?: Window): Rig {
  let docker: ModelDocker | undefined;
  const world = new World({
    argv,
    config: START,
    companions: ({ kernel, deps }) => {
      docker ??= new ModelDocker(kernel);
      return [new DockerCompanion(deps, { driver: docker, ...(window ? { window } : {}) })];
    },
  });
  return { world, docker: docker! };
}

/** A running daemon, and a Docker that was started after it. */
async function started(argv: string[], window?: Window): Promise<Rig> {
  const made = rig(argv, window);
  await made.world.start();
  made.docker.start();
  await made.world.settle();
  return made;
}

async function move({ world }: Rig): Promise<string> {
  world.store.put(CONFIG_KEY, MOVED);
  await world.settle();
  const address = world.report.network.subnet.replace('.0/24', '.1/24');
  assert.match(address, /^10\.5\.2\d\d\.1\/24$/);
  return address;
}

async function finish({ world, docker }: Rig): Promise<void> {
  assert.ok(docker.finish, 'no restart is under way');
  docker.finish();
  await world.settle();
}

/** Of restarts, in all reports so far. */
const outcomes = ({ world }: Rig) =>
  world.reports.flatMap((report) => report.outcomes.filter(({ kind }) => kind === 'docker'));
const whys = ({ world }: Rig): string[] => world.report.held.map(({ why }) => why);

describe('a Docker that follows', () => {
  it('opts: its file is there before it starts, and it is on the subnet', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always']);
    const subnet = found.world.report.network.subnet.replace('.0/24', '.1/24');
    assert.equal(found.docker.bridge, subnet);
    assert.deepEqual(
      [found.docker.restarts.length, found.world.report.held, found.world.report.converged],
      [0, [], true],
    );
    assert.deepEqual(found.world.report.docker?.bridge, { name: 'docker0', address: subnet, mtu: 1450, ipMasq: true });
  });

  for (const mode of ['opts', 'daemon-json']) {
    it(`${mode}: the lease moves, Docker is restarted once, and what is read back counts`, async () => {
      const found = await started([`--docker=${mode}`, '--docker-restart=always']);
      const address = await move(found);
      assert.deepEqual([whys(found), found.world.report.converged], [['being restarted'], false]);
      await finish(found);
      assert.equal(found.docker.bridge, address);
      assert.deepEqual([whys(found), found.world.report.converged], [[], true]);
      assert.deepEqual(outcomes(found), [{ kind: 'docker', key: 'docker0', op: 'update', result: 'done' }]);
      await found.world.advance(60 * MINUTE);
      assert.equal(found.docker.restarts.length, 1);
    });
  }

  it('routes are repaired while Docker is being restarted', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always']);
    found.world.putPeer(7);
    await move(found);
    assert.ok(found.docker.finish);
    const route = found.world.kernel.all().find((have) => have.kind === 'route' && have.dst === '10.5.7.0/24');
    assert.ok(route?.kind === 'route');
    found.world.kernel.deleteRoute(route);
    await found.world.advance(100);
    assert.equal(found.world.peerIds(7).length, 3);
    assert.ok(found.docker.finish);
  });

  it('an address that is taken off its bridge is noticed, and so is a bridge that is right again', async () => {
    const found = await started(['--docker=report']);
    const away = { kind: 'address', dev: 'docker0', address: '172.17.0.1/16' } as const;
    assert.deepEqual(whys(found), ['not on the subnet']);
    const right = found.world.report.network.subnet.replace('.0/24', '.1/24');
    found.world.kernel.deleteAddress(away);
    found.world.kernel.addAddress({ ...away, address: right });
    found.docker.engine!.network!.mtu = 1450;
    await found.world.advance(100);
    assert.deepEqual(whys(found), []);
    assert.equal(found.docker.bridge, right);
  });
});

describe('what is not touched', () => {
  it('report: no file, no restart, whatever the policy; the report says it once', async () => {
    const found = await started(['--docker=report', '--docker-restart=always']);
    await found.world.advance(30 * MINUTE);
    assert.deepEqual(
      [found.docker.restarts, found.docker.file(OPTS_FILE), found.docker.file(DAEMON_JSON)],
      [[], undefined, undefined],
    );
    assert.equal(found.world.said('docker0 has 172.17.0.1/16').length, 1);
    assert.equal(found.world.report.drift.filter(({ kind }) => kind === 'docker').length, 1);
    assert.equal(found.world.report.converged, true);
  });

  it('without a Docker nothing is said, in the report or in the log', async () => {
    const { world } = rig(['--docker=report']);
    world.kernel.deleteLink('docker0');
    await world.start();
    assert.equal(world.report.docker, undefined);
    assert.deepEqual(world.report.held, []);
    assert.deepEqual(world.said(/docker/i), []);
  });

  it('never: the file is kept, the restart is left to whoever reads that one is due', async () => {
    const found = await started(['--docker=opts']);
    const address = await move(found);
    await found.world.advance(10 * MINUTE);
    assert.match(found.docker.file(OPTS_FILE)!, new RegExp(`--bip=${address}`));
    assert.deepEqual([found.docker.restarts, whys(found), found.world.report.converged], [[], ['restart due'], true]);
    assert.match(found.world.report.held[0]!.detail, /a restart of Docker is due and is left to you/);
  });

  it('invalid daemon.json stays as it is, and Docker runs on', async () => {
    const found = await started(['--docker=daemon-json', '--docker-restart=always']);
    found.world.kernel.writeFile({ kind: 'file', path: DAEMON_JSON, content: '{"a": 1,}', mode: 0o644 });
    await found.world.advance(100);
    await move(found);
    await found.world.advance(10 * MINUTE);
    assert.equal(found.docker.file(DAEMON_JSON), '{"a": 1,}');
    assert.deepEqual([found.docker.restarts, whys(found)], [[], ['invalid', 'restart due']]);
    assert.equal(found.world.report.converged, false);
    found.world.kernel.writeFile({ kind: 'file', path: DAEMON_JSON, content: '{"a": 1}', mode: 0o644 });
    await found.world.advance(100);
    await finish(found);
    assert.deepEqual(whys(found), []);
    assert.match(found.docker.file(DAEMON_JSON)!, /^\{"a": 1,"bip": ?"10\.5\./);
  });
});

describe('when it may be restarted', () => {
  it('idle: when the last container has ended', async () => {
    const found = await started(['--docker=opts', '--docker-restart=idle']);
    found.docker.engine!.containers.push({ name: 'web', address: '' });
    const address = await move(found);
    assert.deepEqual([found.docker.restarts.length, whys(found)], [0, ['restart due']]);
    found.docker.engine!.containers = [];
    found.docker.changed();
    await found.world.settle();
    await finish(found);
    assert.equal(found.docker.bridge, address);
  });

  it('in its window, for which nothing but time is waited', async () => {
    let opensAt = Number.POSITIVE_INFINITY;
    const found = await started(['--docker=opts', '--docker-restart=always'], (now) => ({
      open: now >= opensAt,
      opensAt,
    }));
    opensAt = found.world.time.now() + 7 * 60 * MINUTE + 12_345;
    found.world.withoutLevel();
    await move(found);
    await found.world.advance(opensAt - found.world.time.now() - 1);
    assert.deepEqual([found.docker.restarts.length, whys(found)], [0, ['restart due']]);
    await found.world.advance(1);
    await finish(found);
    assert.deepEqual(whys(found), []);
  });

  it('hold-off: a command that fails is not repeated before it is over, and the sentence has its output', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always', '--docker-restart-holdoff=10m']);
    await move(found);
    found.docker.result = { ok: false, message: '"x" failed with exit code 1: Job for docker.service failed' };
    await finish(found);
    assert.deepEqual(
      outcomes(found).map(({ result }) => result),
      ['failed'],
    );
    assert.match(
      found.world.report.held[0]!.detail,
      /held off until .*Docker was not restarted: "x" failed with exit code 1: Job for docker/,
    );
    await found.world.advance(9 * MINUTE);
    assert.equal(found.docker.restarts.length, 1);
    found.docker.result = { ok: true };
    await found.world.advance(2 * MINUTE);
    assert.equal(found.docker.restarts.length, 2);
    await finish(found);
    assert.deepEqual(whys(found), []);
  });

  it('a restart that changes nothing is no success, and is repeated ever more rarely', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always']);
    found.docker.readsFiles = false;
    await move(found);
    await finish(found);
    assert.match(
      outcomes(found)[0]?.error ?? '',
      /^Docker was restarted, but docker0 has 172\.17\.0\.1\/16.*see that dockerd is started with/,
    );
    const at: number[] = [];
    for (let minutes = 0; minutes < 120; minutes++) {
      await found.world.advance(MINUTE);
      if (!found.docker.finish) continue;
      at.push(minutes);
      await finish(found);
    }
    assert.deepEqual(at.length, 4, String(at));
    assert.ok(at[1]! - at[0]! >= 9 && at[2]! - at[1]! >= 19, String(at));
  });

  it('the hold-off outlives the process', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always']);
    found.docker.readsFiles = false;
    await move(found);
    await finish(found);
    found.world.kill();
    await found.world.start();
    await found.world.advance(4 * MINUTE);
    assert.equal(found.docker.restarts.length, 1);
  });

  it('never a Docker that does not run', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always']);
    found.docker.stop();
    const address = await move(found);
    await found.world.advance(20 * MINUTE);
    assert.deepEqual([found.docker.restarts.length, whys(found)], [0, ['not on the subnet']]);
    assert.equal(found.world.report.docker?.engine, null);
    found.docker.start();
    await found.world.settle();
    assert.deepEqual([found.docker.bridge, whys(found)], [address, []]);
  });

  it('no restart before the file is written', async () => {
    const found = await started(['--docker=opts', '--docker-restart=always']);
    found.world.driver.faults.set(`file ${OPTS_FILE}`, {
      kind: 'transient',
      code: 'ENOSPC',
      message: 'No space left.',
    });
    await move(found);
    assert.deepEqual(found.docker.restarts, []);
    assert.ok(whys(found).includes('restart due'));
    await found.world.advance(1000);
    await finish(found);
    assert.deepEqual(whys(found), []);
  });
});

describe('the core and Docker’s bridge', () => {
  it('off: neither listed nor said', async () => {
    const world = await new World({ config: START }).start();
    world.agent.work.markDirty(everything());
    await world.settle();
    assert.equal(world.report.docker, undefined);
    assert.deepEqual(world.said(/docker/i), []);
  });
});

describe('a restart that breaks down', () => {
  it('has failed, is said, and the daemon goes on', async () => {
    const made = await started(['--docker=opts', '--docker-restart=always']);
    const { docker, world } = made;
    await move(made);
    await finish(made);
    docker.restart = async (note) => {
      docker.restarted = note;
      throw new Error('spawn /bin/sh EMFILE');
    };
    await world.advance(60 * MINUTE);
    world.store.put(CONFIG_KEY, START);
    await world.settle();
    const failed = outcomes(made).filter(({ result }) => result === 'failed');
    assert.equal(failed.length, 1);
    assert.match(failed[0]?.error ?? '', /^Docker was not restarted: spawn \/bin\/sh EMFILE\.$/);
    world.kernel.setLink('flannel.1', { up: false });
    await world.settle();
    assert.equal(world.kernel.link('flannel.1')?.up, true);
  });
});
