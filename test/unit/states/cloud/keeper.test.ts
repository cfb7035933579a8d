/** When the cloud is looked at, and what comes of it: over the fake AWS, with time that tests turn. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FakeAws, fakeAws } from '../../../helpers/cloud/aws.ts';
import { Keeping, RESYNC, SUBNET } from '../../../helpers/cloud/keeping.ts';

let aws: FakeAws;
let keeping: Keeping;
beforeEach(async () => {
  aws = await fakeAws();
  keeping = new Keeping(aws);
});
afterEach(() => aws.close());

const key = () => `${aws.table}|${SUBNET}`;

describe('a pass', () => {
  it('makes the route and switches the check off, and says so; the next one writes nothing', async () => {
    keeping.want();
    const first = await keeping.pass();
    assert.deepEqual(first.drift, [`update ${aws.self.id}`, `create ${key()}`]);
    assert.deepEqual(first.outcomes, [`update ${aws.self.id} done`, `create ${key()} done`]);
    assert.deepEqual([first.held, first.inForce], [[], true]);
    assert.ok(keeping.lines.some((line) => line.includes(key())));
    const writes = aws.ec2.writes.length;
    assert.deepEqual(await keeping.pass(), { drift: [], outcomes: [], held: [], inForce: true });
    assert.equal(aws.ec2.writes.length, writes);
  });

  it('waits for what it has written to be seen, and does it once', async () => {
    aws.world.lag = 3;
    keeping.want();
    const { outcomes, inForce } = await keeping.pass();
    assert.deepEqual(outcomes, [`update ${aws.self.id} done`, `create ${key()} done`]);
    assert.equal(inForce, true);
    assert.deepEqual(
      aws.ec2.writes.map((line) => line.split(' ')[0]),
      ['ModifyNetworkInterfaceAttribute', 'CreateRoute'],
    );
  });

  it('says so where the cloud never shows it', async () => {
    aws.world.lag = 1000;
    keeping.want();
    const { outcomes, held, inForce } = await keeping.pass();
    // A read is one write behind: the first write is seen, the last one never.
    assert.deepEqual(outcomes, [`update ${aws.self.id} done`, `create ${key()} failed`]);
    assert.deepEqual([held, inForce], [['backing off'], false]);
    assert.match(keeping.keeper.held[0]?.detail ?? '', /doesn't show it.*again in \d+ s\./);
  });

  it('looks again where a route is there that it had not seen, and overwrites nobody', async () => {
    aws.ec2.injected.next('CreateRoute', { status: 400, code: 'RouteAlreadyExists' });
    keeping.want();
    const { outcomes } = await keeping.pass();
    assert.ok(outcomes.includes(`create ${key()} done`), 'the second try');
    aws.world.putRoute(aws.table, { dst: SUBNET, gateway: 'vgw-1' });
    assert.deepEqual((await keeping.pass()).held, ['foreign route']);
    assert.deepEqual(aws.world.madeRoutes(aws.table), { [SUBNET]: 'vgw-1' });
  });

  it('only looks for a drift report', async () => {
    keeping.want();
    const { drift, outcomes } = await keeping.pass(false);
    assert.deepEqual([drift.length, outcomes], [2, []]);
    assert.deepEqual(aws.ec2.writes, []);
  });

  it('brings one table in order where another can not be', async () => {
    const other = aws.world.addTable();
    aws.world.putRoute(other, { dst: SUBNET, gateway: 'vgw-1' });
    keeping.want({ tables: [aws.table, other] });
    const { held, inForce } = await keeping.pass();
    assert.deepEqual([held, inForce], [['foreign route'], false]);
    assert.deepEqual(aws.world.madeRoutes(aws.table), { [SUBNET]: aws.self.id });
  });
});

describe('when it is due', () => {
  it('is at start, on a change of what is wanted, soon after a write, and every five minutes or so', async () => {
    assert.equal(keeping.keeper.isDue, false);
    keeping.want();
    assert.equal(keeping.keeper.isDue, true);
    assert.deepEqual(
      keeping.keeper.held.map(({ why }) => why),
      ['under way'],
    );
    await keeping.pass();
    assert.equal(keeping.keeper.isDue, false);
    assert.equal(keeping.keeper.wakeAt, keeping.now + 20_000);
    await keeping.pass();
    assert.equal(keeping.keeper.wakeAt, keeping.now + RESYNC);
    keeping.now += RESYNC;
    assert.equal(keeping.keeper.isDue, true);
    await keeping.pass();
    keeping.want({ subnet: '10.20.4.0/24' });
    assert.deepEqual([keeping.keeper.isDue, keeping.keeper.inForce], [true, false]);
    assert.equal(keeping.opened, 1);
  });

  it('waits longer and longer when throttled, and comes back', async () => {
    keeping.want();
    aws.ec2.injected.always('DescribeInstances', { status: 503, code: 'RequestLimitExceeded' });
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      assert.deepEqual((await keeping.pass()).held, ['throttled']);
      waits.push(keeping.keeper.wakeAt! - keeping.now);
      keeping.now = keeping.keeper.wakeAt!;
    }
    assert.deepEqual(waits, [22_500, 45_000, 90_000, 180_000, 360_000, 450_000, 450_000, 450_000]);
    aws.ec2.injected.always('DescribeInstances', undefined);
    assert.equal((await keeping.pass()).inForce, true);
  });

  it('names the quota and the permission, and comes right by itself once they are mended', async () => {
    aws.world.quota = 1;
    aws.ec2.allowed = new Set(['ec2:DescribeInstances', 'ec2:DescribeRouteTables', 'ec2:CreateRoute']);
    keeping.want();
    const { held } = await keeping.pass();
    assert.deepEqual(held, ['not permitted', 'quota reached']);
    assert.match(keeping.keeper.held[0]?.detail ?? '', /ec2:ModifyNetworkInterfaceAttribute/);
    aws.world.quota = 50;
    aws.ec2.allowed = undefined;
    keeping.now = keeping.keeper.wakeAt!;
    assert.equal((await keeping.pass()).inForce, true);
  });
});

describe('leaving', () => {
  it('takes the own route away, once all leases are known, and then forgets the cloud', async () => {
    const other = aws.world.addInstance({ address: '10.0.0.9' });
    aws.world.putRoute(aws.table, { dst: '10.20.9.0/24', eni: other.id });
    keeping.want();
    await keeping.pass();
    keeping.keeper.want(undefined);
    keeping.complete = false;
    await keeping.pass();
    assert.equal(keeping.keeper.isConcerned, true);
    keeping.complete = true;
    assert.deepEqual((await keeping.pass()).outcomes, [`delete ${key()} done`]);
    assert.deepEqual(aws.world.madeRoutes(aws.table), { '10.20.9.0/24': other.id });
    assert.deepEqual([keeping.keeper.isConcerned, keeping.keeper.wakeAt, keeping.keeper.held], [false, undefined, []]);
  });
});
