/** The AWS driver against the fake that AWS's own SDK was run against first (test/unit/helpers/cloud/fake-aws.test.ts). */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { AwsDriver } from '../../../../../drivers/cloud/aws/driver.ts';
import { CloudError } from '../../../../../reconciler/cloud/failure.ts';
import type { CloudChange, CloudRoute, CloudWant } from '../../../../../reconciler/cloud/model.ts';
import { ADDRESS, type FakeAws, fakeAws } from '../../../../helpers/cloud/aws.ts';

const SUBNET = '10.20.3.0/24';
const WANT: CloudWant = { cloud: 'aws-vpc', network: '10.20.0.0/16', subnet: SUBNET, address: ADDRESS };
const PATIENCE = { tries: 3, firstMs: 1 };

let aws: FakeAws;
let driver: AwsDriver;
beforeEach(async () => {
  aws = await fakeAws();
  driver = new AwsDriver(aws.env, PATIENCE);
});
afterEach(() => aws.close());

const routeTo = (target: string, dst = SUBNET): CloudRoute => ({
  kind: 'cloud-route',
  table: aws.table,
  name: '',
  dst,
  target,
  toHost: true,
  live: true,
  plain: true,
});
const create = (want: CloudRoute): CloudChange => ({ op: 'create', key: 'k', reason: 'missing', want });
const update = (want: CloudRoute, have: CloudRoute): CloudChange => ({
  op: 'update',
  key: 'k',
  reason: 'differs',
  want,
  have,
  fields: ['target'],
});
const failure = async (change: CloudChange) => (await driver.apply([change]))[0]?.failure;
const failsWith = (kind: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CloudError, String(error));
  assert.equal(error.kind, kind, error.message);
  assert.match(error.message, pattern);
  return true;
};

describe('looking at AWS', () => {
  it('finds region, instance, ENI and VPC, and the main table with its routes', async () => {
    const other = aws.world.addInstance({ address: '10.0.0.9' });
    aws.world.putRoute(aws.table, { dst: '10.20.9.0/24', eni: other.id });
    aws.world.putRoute(aws.table, { dst: '0.0.0.0/0', gateway: 'igw-1' });
    aws.world.putRoute(aws.table, { dst: '', prefixList: 'pl-1' });
    aws.world.terminate(other.instance);
    const { self, tables, routes, problems } = await driver.look(WANT);
    assert.equal(self.target, aws.self.id);
    assert.equal(self.forwards, false);
    assert.deepEqual(self.ranges, ['10.0.0.0/16']);
    assert.deepEqual(tables, [aws.table]);
    assert.deepEqual(problems, []);
    const seen = routes.map(({ dst, target, toHost, live, plain }) => [dst, target, toHost, live, plain]);
    assert.deepEqual(seen, [
      ['10.0.0.0/16', 'local', false, true, false],
      ['10.20.9.0/24', other.id, true, false, true],
      ['0.0.0.0/0', 'igw-1', false, true, true],
    ]);
    assert.deepEqual(aws.ec2.writes, []);
  });

  it("takes the table of the host's subnet before the main one, and those that are named before both", async () => {
    const own = aws.world.addTable({ subnets: [aws.self.subnet] });
    assert.deepEqual((await driver.look(WANT)).tables, [own]);
    const tables = [aws.table, own, own];
    assert.deepEqual((await driver.look({ ...WANT, tables })).tables, [aws.table, own]);
    assert.deepEqual((await driver.look({ ...WANT, tables: [] })).tables, []);
  });

  it('serves the other tables where one that is named does not exist or is of another VPC', async () => {
    const strange = aws.world.addTable({ vpc: 'vpc-0b2' });
    const { tables, problems } = await driver.look({ ...WANT, tables: [aws.table, 'rtb-0ff', strange] });
    assert.deepEqual(tables, [aws.table]);
    assert.match(problems.map(({ message }) => message).join(), /no such route table.*rtb-0ff.*RouteTableID.*vpc-0b2/);
    await assert.rejects(driver.look({ ...WANT, tables: ['rtb-0ff'] }), failsWith('vanished', /RouteTableID/));
  });

  it('gets along without DescribeInstances, and says what it does not see then', async () => {
    aws.ec2.allowed = new Set(['ec2:DescribeRouteTables']);
    const { self, tables, problems } = await driver.look(WANT);
    assert.deepEqual([self.target, self.forwards, tables], [aws.self.id, undefined, [aws.table]]);
    assert.equal(problems[0]?.permission, 'ec2:DescribeInstances');
    assert.match(problems[0]?.message ?? '', /ec2:DescribeInstances.*packaging\/cloud.*source\/dest check/);
  });

  it('names an address that is on no ENI', async () => {
    await assert.rejects(
      driver.look({ ...WANT, address: '10.0.0.77' }),
      failsWith('vanished', /10\.0\.0\.77.*--iface/),
    );
  });
});

describe('writing to AWS', () => {
  beforeEach(() => driver.look(WANT));

  it('makes, replaces in place and deletes a route', async () => {
    const other = aws.world.addInstance({ address: '10.0.0.9' });
    const [own, theirs] = [routeTo(aws.self.id), routeTo(other.id)];
    assert.equal((await driver.apply([create(theirs)]))[0]?.result, 'done');
    assert.equal((await driver.apply([update(own, theirs)]))[0]?.result, 'done');
    assert.deepEqual(aws.world.madeRoutes(aws.table), { [SUBNET]: aws.self.id });
    const [gone, again] = await driver.apply([
      { op: 'delete', key: 'k', reason: '', have: own },
      { op: 'delete', key: 'k', reason: '', have: own },
    ]);
    assert.deepEqual([gone?.result, again?.result], ['done', 'noop']);
    assert.deepEqual(
      aws.ec2.writes.map((line) => line.split(' ')[0]),
      ['CreateRoute', 'ReplaceRoute', 'DeleteRoute', 'DeleteRoute'],
    );
  });

  it('makes a route that was to be replaced and is gone, and leaves one alone that was not seen', async () => {
    const own = routeTo(aws.self.id);
    assert.equal((await driver.apply([update(own, routeTo('eni-0dead'))]))[0]?.result, 'done');
    aws.world.putRoute(aws.table, { dst: SUBNET, gateway: 'vgw-1' });
    assert.equal((await failure(create(own)))?.code, 'RouteAlreadyExists');
    assert.deepEqual(aws.world.madeRoutes(aws.table), { [SUBNET]: 'vgw-1' });
  });

  it('switches the source/dest check off', async () => {
    const check = { kind: 'source-dest-check' as const, target: aws.self.id };
    const change = { op: 'update' as const, key: 'k', reason: '', fields: ['on'] };
    await driver.apply([{ ...change, want: { ...check, on: false }, have: { ...check, on: true } }]);
    assert.equal((await driver.look(WANT)).self.forwards, true);
  });

  it('names the quota and the action that is missing', async () => {
    aws.world.quota = 1;
    const quota = await failure(create(routeTo(aws.self.id)));
    assert.equal(quota?.kind, 'quota');
    assert.match(quota?.message ?? '', /L-93826ACB/);
    aws.ec2.allowed = new Set();
    const denied = await failure(create(routeTo(aws.self.id)));
    assert.deepEqual([denied?.kind, denied?.permission], ['denied', 'ec2:CreateRoute']);
    assert.match(denied?.message ?? '', /the role flannel.*ec2:CreateRoute.*aws-policy\.json/);
  });

  it('is patient with throttling and lost answers, and gives up after some tries', async () => {
    const throttled = { status: 503, code: 'RequestLimitExceeded' };
    aws.ec2.injected.next('CreateRoute', throttled, 2);
    assert.equal((await driver.apply([create(routeTo(aws.self.id))]))[0]?.result, 'done');
    aws.ec2.injected.next('DeleteRoute', { status: 0, code: 'cut', cut: true, after: true });
    const [gone] = await driver.apply([{ op: 'delete', key: 'k', reason: '', have: routeTo(aws.self.id) }]);
    assert.equal(gone?.result, 'noop', 'the call that was cut had done it');
    aws.ec2.injected.next('CreateRoute', throttled, 3);
    assert.equal((await failure(create(routeTo(aws.self.id))))?.kind, 'throttled');
    assert.deepEqual(aws.ec2.injected.unconsumed, []);
  });
});

describe('credentials and the metadata service', () => {
  it('takes a new session token where the old one is not known any more', async () => {
    await driver.look(WANT);
    aws.imds.forgetTokens();
    await driver.look(WANT);
    assert.equal(aws.imds.log.filter((line) => line.startsWith('PUT')).length, 2);
  });

  it('uses version 1 only where version 2 is refused, never for want of an answer', async () => {
    aws.imds.v1Only = true;
    assert.equal((await driver.look(WANT)).self.target, aws.self.id);
    aws.imds.v1Only = false;
    aws.imds.httpTokens = 'optional';
    aws.imds.injected.next('PUT', { status: 0, code: 'cut', cut: true }, 3);
    const fresh = new AwsDriver(aws.env, PATIENCE);
    const before = aws.imds.log.length;
    await assert.rejects(fresh.look(WANT), failsWith('transient', /metadata service/));
    assert.ok(aws.imds.log.slice(before).every((line) => line.startsWith('PUT')));
  });

  it('renews role credentials before they end, and keeps what is still good if that fails', async () => {
    const asked = () => aws.imds.log.filter((line) => line.endsWith('security-credentials/flannel')).length;
    const calls = () => aws.ec2.log.length;
    aws.imds.credentialsMs = 280_000; // less than the five minutes before which they are renewed
    await driver.look(WANT);
    assert.equal(asked(), calls(), 'asked for at each call');
    const path = 'GET /latest/meta-data/iam/security-credentials/';
    aws.imds.injected.always(path, { status: 500, code: 'down' });
    await driver.look(WANT);
    aws.imds.injected.always(path, undefined);
    aws.imds.credentialsMs = 6 * 3_600_000;
    await driver.look(WANT);
    const before = asked();
    await driver.look(WANT);
    assert.equal(asked(), before, 'not asked for again while they last');
  });

  it('asks for others where EC2 takes them for ended, once', async () => {
    await driver.look(WANT);
    aws.ec2.keys.clear();
    assert.equal((await driver.look(WANT)).self.target, aws.self.id);
    aws.ec2.injected.always('DescribeInstances', { status: 401, code: 'AuthFailure' });
    const before = aws.imds.log.length;
    await assert.rejects(driver.look(WANT), failsWith('denied', /the role flannel.*AuthFailure/));
    assert.equal(aws.imds.log.slice(before).filter((line) => line.endsWith('credentials/flannel')).length, 1);
  });

  it('prefers the environment, and says which half is missing', async () => {
    aws.ec2.keys.set('AKIDENV', { secret: 's' });
    const env = { ...aws.env, AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 's' };
    await new AwsDriver(env, PATIENCE).look(WANT);
    assert.ok(!aws.imds.log.some((line) => line.includes('security-credentials')));
    const half = new AwsDriver({ ...aws.env, AWS_ACCESS_KEY_ID: 'AKIDENV' }, PATIENCE);
    await assert.rejects(half.look(WANT), failsWith('denied', /AWS_SECRET_ACCESS_KEY/));
    const wrong = new AwsDriver({ ...env, AWS_SECRET_ACCESS_KEY: 'x' }, PATIENCE);
    await assert.rejects(wrong.look(WANT), failsWith('denied', /clock/));
  });

  it('says so where the instance has no role, and where nobody answers', async () => {
    aws.imds.role = '';
    await assert.rejects(driver.look(WANT), failsWith('denied', /no IAM role.*aws-policy\.json/));
    const nowhere = new AwsDriver({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' }, PATIENCE);
    await assert.rejects(nowhere.look(WANT), failsWith('transient', /metadata service at http:\/\/127\.0\.0\.1:9/));
    const strange = new AwsDriver({ ...aws.env, AWS_ENDPOINT_URL_EC2: 'nonsense' }, PATIENCE);
    await assert.rejects(strange.look(WANT), failsWith('invalid', /AWS_ENDPOINT_URL_EC2 is nonsense/));
  });
});
