import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { errnoName, failureOf, isGone, isPassing } from '../../../../drivers/netlink/errno.ts';

const e = constants.errno;

test('every errno is of one of the six kinds', () => {
  const kinds = (...errnos: number[]) => [...new Set(errnos.map((errno) => failureOf(errno, '', 'x').kind))];
  assert.deepEqual(kinds(e.ENOBUFS, e.EAGAIN, e.EINTR, e.EBUSY, e.ENOMEM, e.EBADF, e.ENETUNREACH, e.EHOSTUNREACH), [
    'transient',
  ]);
  assert.deepEqual(kinds(e.ENODEV, e.ENETDOWN), ['vanished']);
  assert.deepEqual(kinds(e.EEXIST, e.EADDRINUSE), ['conflict']);
  assert.deepEqual(kinds(e.EPERM, e.EACCES), ['denied']);
  assert.deepEqual(kinds(e.EINVAL, e.EOPNOTSUPP, e.ERANGE), ['invalid']);
  assert.deepEqual(kinds(e.EDOM, 524), ['bug']);
});

test('a failure says what happened, to what, what to do, and what the kernel said', () => {
  assert.deepEqual(failureOf(e.EPERM, '', 'route 10.5.3.0/24 was not created'), {
    kind: 'denied',
    code: 'EPERM',
    message:
      'route 10.5.3.0/24 was not created: not permitted: selvage needs CAP_NET_ADMIN in this network namespace (EPERM).',
  });
  const { message } = failureOf(e.EINVAL, 'Invalid prefix', 'route 10.5.3.0/24 was not created');
  assert.match(message, /refuses it as it is \(EINVAL, "Invalid prefix"\)\.$/);
});

test('a nexthop object that has just gone is not the fault of the route', () => {
  const words = 'Nexthop id does not exist';
  assert.equal(failureOf(e.EINVAL, words, 'route').kind, 'transient');
  assert.equal(isGone(e.EINVAL, words), true);
  assert.equal(isGone(e.EINVAL, ''), false);
});

test('a gateway that is still an address of ours is tried again', () => {
  assert.equal(failureOf(e.EINVAL, 'Nexthop has invalid gateway', 'nexthop').kind, 'transient');
  assert.equal(failureOf(e.EINVAL, 'Invalid prefix', 'nexthop').kind, 'invalid');
});

test('gone already, in all its spellings', () => {
  for (const errno of [e.ENOENT, e.ESRCH, e.ENODEV, e.EADDRNOTAVAIL]) assert.equal(isGone(errno, ''), true);
  assert.equal(isGone(e.EPERM, ''), false);
});

test('names are the kernel’s own', () => {
  assert.equal(errnoName(e.EAGAIN), 'EAGAIN'); // not EWOULDBLOCK
  assert.equal(errnoName(e.EOPNOTSUPP), 'EOPNOTSUPP'); // not ENOTSUP
  assert.equal(errnoName(524), 'errno 524');
});

test('only what passes is asked again', () => {
  for (const errno of [e.EINTR, e.EBUSY, e.EAGAIN, e.ENOBUFS, e.ENOMEM, e.EBADF]) assert.equal(isPassing(errno), true);
  for (const errno of [e.EPERM, e.EINVAL, e.ENODEV, e.EEXIST]) assert.equal(isPassing(errno), false);
});
