/** Texts as etcd3, grpc-js and etcd gave them, and what we make of them. Most are seen from real servers in test/lab/drivers/etcd too. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EtcdFailure, elsewhere, etcdFailure, together, type Where } from '../../../../drivers/etcd-common/errors.ts';
import { StoreError } from '../../../../reconciler/contracts/source.ts';

const WHERE: Where = { endpoint: 'http://etcd:2379', prefix: '/p', username: 'u', ca: true, cert: false };
const made = (text: string, where: Partial<Where> = {}) => etcdFailure(new Error(text), { ...WHERE, ...where });
const lost = (text: string) => `14 UNAVAILABLE: No connection established. Last error: ${text}. Resolution note: `;

describe('a failure of etcd', () => {
  const cases: [text: string, why: string, kind: string, unsent: boolean, message: string][] = [
    [
      lost('Error: connect ECONNREFUSED 127.0.0.1:2379'),
      'refused',
      'unavailable',
      true,
      'refused the connection: is it running, and is --etcd-endpoints right?',
    ],
    [
      lost('Error: connect EHOSTUNREACH 192.0.2.1:2379'),
      'unreachable',
      'unavailable',
      true,
      "can't be reached: check the route and the firewall on the way, and --etcd-endpoints",
    ],
    [
      '14 UNAVAILABLE: Name resolution failed for target dns:etcd:2379',
      'unresolved',
      'unavailable',
      true,
      "has a name that can't be resolved: is --etcd-endpoints right?",
    ],
    [
      lost('Failed to connect (2026-11-21T01:41:39.907Z)'),
      'silent',
      'unavailable',
      true,
      'closed the connection at once: if it wants TLS, write https:// in --etcd-endpoints',
    ],
    [
      lost('Error: unable to verify the first certificate'),
      'tls',
      'denied',
      true,
      "has a certificate that can't be verified: --etcd-cafile is not the authority that signed it",
    ],
    [
      lost('Error: certificate has expired'),
      'tls',
      'denied',
      true,
      "has a certificate that has expired: renew it (or its authority's in --etcd-cafile), or set this host's clock",
    ],
    [
      lost(
        '803C:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../rec_layer_s3.c:1601:SSL alert number 42\n (2026)',
      ),
      'tls',
      'denied',
      true,
      'does not accept the client certificate, or the lack of one: give one with --etcd-certfile and --etcd-keyfile',
    ],
    [
      '4 DEADLINE_EXCEEDED: Deadline exceeded after 2.002s,name resolution: 0.001s,Waiting for LB pick',
      'timeout',
      'unavailable',
      true,
      'could not be connected to in time: is --etcd-endpoints right?',
    ],
    [
      '4 DEADLINE_EXCEEDED: Deadline exceeded after 5.001s,remote_addr=127.0.0.1:2379',
      'timeout',
      'unavailable',
      false,
      'did not answer in time',
    ],
    ['14 UNAVAILABLE: etcdserver: request timed out', 'timeout', 'unavailable', false, 'did not answer in time'],
    ['14 UNAVAILABLE: read ECONNRESET', 'dropped', 'unavailable', false, 'broke the connection off'],
    ['14 UNAVAILABLE: read ETIMEDOUT', 'dropped', 'unavailable', false, 'broke the connection off'],
    [
      '14 UNAVAILABLE: etcdserver: no leader',
      'noLeader',
      'unavailable',
      false,
      'has no leader: its cluster has lost its quorum or is electing one',
    ],
    [
      '3 INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password',
      'password',
      'denied',
      false,
      'refused the user or the password: check --etcd-username and --etcd-password',
    ],
    [
      '16 UNAUTHENTICATED: etcdserver: invalid auth token',
      'token',
      'unavailable',
      true,
      'no longer takes the login that it gave',
    ],
    [
      'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
      'permission',
      'denied',
      false,
      'does not permit it: grant user u of --etcd-username a role that may read and write under /p/ (etcdctl role grant-permission ROLE readwrite --prefix /p/)',
    ],
    [
      '11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted',
      'compacted',
      'unavailable',
      false,
      'has compacted the revision that was asked for',
    ],
    [
      '5 NOT_FOUND: etcdserver: requested lease not found',
      'leaseNotFound',
      'unavailable',
      false,
      'has no such lease any more',
    ],
    [
      '12 UNIMPLEMENTED: Received HTTP status code 404',
      'notEtcd',
      'unavailable',
      true,
      'answers with HTTP status 404 Not Found, as no etcd does: something else listens there; is --etcd-endpoints right?',
    ],
    [
      '12 UNIMPLEMENTED: unknown service etcdserverpb.KV',
      'notEtcd',
      'unavailable',
      true,
      'answers, but not as etcd v3 does: does --etcd-endpoints lead to etcd 3?',
    ],
    ['2 UNKNOWN: something\n  new', 'other', 'unavailable', false, 'failed: something new'],
  ];
  for (const [text, why, kind, unsent, message] of cases) {
    it(`${why}: ${text.slice(0, 60).replace(/\s+/g, ' ')}`, () => {
      const failure = made(text);
      assert.ok(failure instanceof StoreError);
      assert.equal(failure.name, 'StoreError');
      const { why: gotWhy, kind: gotKind, unsent: gotUnsent } = failure;
      assert.deepEqual({ why: gotWhy, kind: gotKind, unsent: gotUnsent }, { why, kind, unsent });
      assert.equal(failure.message, `etcd at http://etcd:2379 ${message}`);
      assert.equal((failure.cause as Error).message, text);
    });
  }

  it('points to the flag that is missing, or to the one that is wrong', () => {
    const unverified = lost('Error: self-signed certificate in certificate chain');
    assert.match(made(unverified, { ca: false }).message, /give the authority that signed it with --etcd-cafile/);
    const alert = lost('error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required');
    assert.match(made(alert, { cert: true }).message, /check --etcd-certfile and --etcd-keyfile/);
    const silent = lost('Error: Client network socket disconnected before secure TLS connection was established');
    assert.match(made(silent, { endpoint: 'https://etcd:2379' }).message, /write http:\/\//);
  });

  it('stays what it is, and a StoreError of another making keeps kind and words', () => {
    const failure = made(lost('x'));
    assert.equal(etcdFailure(failure, WHERE), failure);
    const invalid = etcdFailure(new StoreError('invalid', '--etcd-cafile is gone'), WHERE);
    assert.deepEqual([invalid.kind, invalid.message], ['invalid', '--etcd-cafile is gone']);
  });
});

describe('failures of several endpoints', () => {
  const refused = made(lost('Error: connect ECONNREFUSED 1.2.3.4:1'), { endpoint: 'http://a:1' });
  const dropped = made('14 UNAVAILABLE: read ECONNRESET', { endpoint: 'http://b:2' });

  it('are one sentence that names each; the last one says what kind it is', () => {
    const all = together([refused, dropped]);
    assert.ok(all instanceof EtcdFailure);
    assert.equal(
      all.message,
      'no endpoint of etcd could help: http://a:1 refused the connection: is it running, and is --etcd-endpoints right?; http://b:2 broke the connection off',
    );
    assert.deepEqual([all.why, all.kind, all.unsent], ['dropped', 'unavailable', false]);
    assert.equal(together([refused, refused]).unsent, true);
    assert.equal(together([refused]), refused);
  });

  it('another member may help where the network failed, and not where etcd has spoken', () => {
    assert.ok(elsewhere(refused) && elsewhere(dropped) && elsewhere(made('14 UNAVAILABLE: etcdserver: no leader')));
    assert.ok(!elsewhere(made('7 PERMISSION_DENIED: etcdserver: permission denied')));
    assert.ok(!elsewhere(made('etcdserver: mvcc: database space exceeded')));
  });
});
