import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { everything } from '../../../reconciler/contracts/scope.ts';
import { startDaemon } from '../../../states/daemon.ts';
import { FakeServices } from '../../helpers/fake-services.ts';

describe('the daemon', () => {
  it('ends when the change in hand is finished, and then has stopped all it watched', async () => {
    const services = new FakeServices();
    services.dirty = everything();
    const daemon = startDaemon(services.byRegion);
    let over = false;
    const done = daemon.done.then(() => (over = true));
    services.take('read').resolve(undefined);
    await turn();
    services.take('plan').resolve({ changes: 1 });
    await turn();
    assert.ok(services.isOpen('apply'));
    daemon.stop();
    daemon.stop();
    await turn();
    assert.equal(over, false);
    services.take('apply').resolve(undefined);
    await turn();
    assert.equal(over, false, 'what was changed is looked at');
    services.take('verify').resolve(undefined);
    await done;
    assert.ok(services.asked.includes('stop host') && services.asked.includes('stop schedule'));
  });

  it('ends at once when there is nothing in hand, also before the store has answered', async () => {
    const services = new FakeServices();
    const daemon = startDaemon(services.byRegion);
    const connect = services.open.find(({ name }) => name === 'connect');
    daemon.stop();
    await daemon.done;
    assert.ok(connect?.signal?.aborted);
  });

  it('ends with what went wrong if a watch can not even be begun', async () => {
    const services = new FakeServices();
    services.watchHost = () => {
      throw new Error('No netlink here.');
    };
    await assert.rejects(startDaemon(services.byRegion).done, /No netlink here/);
  });
});
