import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { HANGS_AFTER, type Service, tellServiceManager } from '../../../../drivers/systemd/service.ts';

const SOCKET = { NOTIFY_SOCKET: '@nobody' };

interface World {
  service: Service;
  said: string[];
  state: { status: string; stepMs: number };
}

function world(t: TestContext, env: Record<string, string> = SOCKET): World {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const said: string[] = [];
  const state = { status: 'Waiting for etcd', stepMs: 0 };
  const service = tellServiceManager({ stepMs: () => state.stepMs, status: () => state.status }, env, (text) =>
    said.push(text),
  );
  t.after(() => service.close());
  return { service, said, state };
}

describe('what the service manager is told', () => {
  it('asks for more time as long as it is not ready, and says what it waits for once', (t) => {
    const { said } = world(t);
    t.mock.timers.tick(20_000);
    const more = 'EXTEND_TIMEOUT_USEC=60000000';
    assert.deepEqual(said, [`${more}\nSTATUS=Waiting for etcd`, more, more]);
  });

  it('gives no sign of life where none is asked for', (t) => {
    const { said, service, state } = world(t);
    state.status = '10.5.1.0/24, 1 peer, in sync';
    service.ready();
    t.mock.timers.tick(3_600_000);
    assert.deepEqual(said.slice(1), ['READY=1\nSTATUS=10.5.1.0/24, 1 peer, in sync']);
  });

  it('lives three times as often as is asked, but not while a step of a round hangs', (t) => {
    const { said, service, state } = world(t, { ...SOCKET, WATCHDOG_USEC: '120000000' });
    service.ready();
    const signs = () => said.filter((text) => text === 'WATCHDOG=1').length;
    t.mock.timers.tick(120_000);
    assert.equal(signs(), 3);
    state.stepMs = HANGS_AFTER - 1;
    t.mock.timers.tick(40_000);
    assert.equal(signs(), 4);
    state.stepMs = HANGS_AFTER;
    t.mock.timers.tick(400_000);
    assert.equal(signs(), 4);
  });

  it('does not answer a watchdog of another process', (t) => {
    const { said, service } = world(t, { ...SOCKET, WATCHDOG_USEC: '120000000', WATCHDOG_PID: '1' });
    service.ready();
    t.mock.timers.tick(400_000);
    assert.ok(!said.includes('WATCHDOG=1'));
  });

  it('says a new status once for many causes, and nothing for an unchanged one', (t) => {
    const { said, service, state } = world(t);
    service.ready();
    const before = said.length;
    state.status = '2 peers\nand a line';
    for (let i = 0; i < 100; i++) service.changed();
    t.mock.timers.tick(1000);
    service.changed();
    t.mock.timers.tick(1000);
    assert.deepEqual(said.slice(before), ['STATUS=2 peers and a line']);
  });

  it('ends with STOPPING, which no status takes back', (t) => {
    const { said, service, state } = world(t);
    service.ready();
    state.status = 'late';
    service.changed();
    service.stopping();
    t.mock.timers.tick(1000);
    assert.equal(said.at(-1), 'STOPPING=1\nSTATUS=finishing the change in hand');
  });

  it('is nothing without a service manager', (t) => {
    const { said, service } = world(t, {});
    service.ready();
    service.changed();
    service.stopping();
    t.mock.timers.tick(60_000);
    assert.deepEqual(said, []);
  });
});
