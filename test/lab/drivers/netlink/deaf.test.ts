/** The ears on a real kernel when they can't be opened: at the start, and after an overflow. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { after, test } from 'node:test';
import type { NetlinkOptions } from '../../../../drivers/netlink/driver.ts';
import { emptyScope, mergeScope } from '../../../../reconciler/contracts/scope.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { FaultyTransport } from '../../../helpers/faulty-transport.ts';
import { destroyAll } from '../../../helpers/netns.ts';
import { create, fixture, interest, objectsOf, vtep } from './fixture.ts';

after(destroyAll);

const { EMFILE, EPERM } = constants.errno;

async function faulty(label: string, options: NetlinkOptions = {}) {
  let transport: FaultyTransport | undefined;
  const wrap: NetlinkOptions['wrap'] = (inner) => {
    transport = new FaultyTransport(inner);
    return transport;
  };
  const f = await fixture(label, { ...options, wrap });
  await f.driver.apply([create(vtep), ...objectsOf(2).map(create)]);
  return { ...f, transport: transport! };
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

test('a watch that can’t list the links is refused with why, leaves nothing open, and can be begun again', async (t) => {
  const f = await faulty('deaf');
  t.after(f.close);
  const before = openFiles();
  for (const fault of [{ at: 'answer', errno: EPERM } as const, { at: 'send', errno: EMFILE } as const]) {
    f.transport.arm(fault);
    await assert.rejects(
      f.driver.watch(
        () => {},
        () => interest,
      ),
      /links/,
    );
    assert.equal(f.transport.unconsumed, 0);
  }
  assert.equal(openFiles(), before);
  const heard = emptyScope();
  await f.driver.watch(
    (scope) => void mergeScope(heard, scope),
    () => interest,
  );
  await f.ns.ip('neigh', 'del', '10.5.2.0', 'dev', 'flannel.1');
  await eventually(() => heard.ids.has('neighbour flannel.1|10.5.2.0'), { what: 'the event', timeout: 30_000 });
});

test('a watch that can’t be opened again after an overflow says so until it hears again', async (t) => {
  const f = await faulty('deaf-later', { eventBuffer: 2048 });
  t.after(f.close);
  const told: (string | undefined)[] = [];
  let heard = emptyScope();
  await f.driver.watch(
    (scope) => void mergeScope(heard, scope),
    () => interest,
    (problem) => told.push(problem),
  );
  f.transport.arm({ at: 'send', errno: EMFILE });
  const routes = Array.from({ length: 5000 }, (_, n) => `route add 10.5.9.${n & 255}/32 via 192.0.2.254 metric ${n}`);
  await f.ns.ipBatch(routes);
  await eventually(() => told.length >= 2, { what: 'the trouble and its end', timeout: 30_000 });
  assert.match(told[0] ?? '', /links/);
  assert.equal(told[1], undefined);
  assert.equal(heard.all, true);
  heard = emptyScope();
  await f.ns.ip('neigh', 'del', '10.5.2.0', 'dev', 'flannel.1');
  const isHeard = () => heard.ids.has('neighbour flannel.1|10.5.2.0');
  await eventually(isHeard, { what: 'an event after that', timeout: 30_000 });
});
