import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Outcome } from '../../../../reconciler/contracts/driver.ts';
import { type Fdb, idOf, type Neighbour, type Nexthop, type Route } from '../../../../reconciler/kinds/index.ts';
import { verify } from '../../../../reconciler/plan/verify.ts';
import { deviceOf, overlayWith } from '../../../helpers/planning.ts';
import { peerWants } from '../../../helpers/wants.ts';

const overlay = overlayWith(1);
const link = deviceOf(overlay);
const [, fdb, , route] = peerWants(overlay, overlay.peers[0]!) as [Neighbour, Fdb, Nexthop, Route];
const plain: Route = { ...route, nexthopId: 0 };
const create: Change = { op: 'create', id: idOf(fdb), reason: '', want: fdb };
const remove: Change = { op: 'delete', id: idOf(route), reason: '', have: plain };
const done = (change: Change): Outcome => ({ change, result: 'done' });
const verdict = (outcome: Outcome, after: Parameters<typeof verify>[1]): string => {
  const [verified] = verify([outcome], after);
  return verified?.failure ? `${verified.failure.kind} ${verified.failure.code}` : verified!.result;
};

test('what is there as it was wanted is proved', () => {
  assert.equal(verdict(done(create), [link, fdb]), 'done');
  assert.equal(verdict({ change: create, result: 'noop' }, [link, fdb]), 'noop');
});

test('what isn’t, has failed, whatever the kernel said', () => {
  assert.equal(verdict(done(create), [link]), 'transient MISMATCH');
  assert.equal(verdict(done(create), [link, { ...fdb, dst: '198.18.9.9' }]), 'transient MISMATCH');
  const [{ failure }] = verify([done(create)], [link, { ...fdb, dst: '198.18.9.9' }]) as [Outcome];
  assert.match(failure!.message, /fdb flannel\.1\|02:00:00:00:02:01 was written, but still differs in dst/);
});

test('what went with its device has vanished, not failed', () => {
  assert.equal(verdict(done(create), []), 'vanished ENODEV');
  assert.equal(verdict(done({ op: 'create', id: idOf(link), reason: '', want: link }), []), 'transient MISMATCH');
});

test('a deleted thing is gone if it is gone, or if another stands in its place', () => {
  assert.equal(verdict(done(remove), []), 'done');
  assert.equal(verdict(done(remove), [{ ...plain, gateway: '192.0.2.9', protocol: 4 }]), 'done');
  assert.equal(verdict(done(remove), [plain]), 'transient MISMATCH');
  assert.equal(verdict(done(remove), [{ ...plain, protocol: 4 }, plain]), 'transient MISMATCH');
});

test('of several routes the effective one counts', () => {
  const made: Change = { op: 'create', id: idOf(plain), reason: '', want: plain };
  const other: Route = { ...plain, gateway: '10.5.9.0' };
  assert.equal(verdict(done(made), [link, plain, other]), 'done');
  assert.equal(verdict(done(made), [link, other, plain]), 'transient MISMATCH');
});

test('what has failed or was blocked stays so', () => {
  const failed: Outcome = {
    change: create,
    result: 'failed',
    failure: { kind: 'denied', code: 'EPERM', message: 'No.' },
  };
  assert.deepEqual(verify([failed, { change: create, result: 'blocked' }], [link, fdb]), [
    failed,
    { change: create, result: 'blocked' },
  ]);
});
