/** Hosts in a VPC: containers reach each other by the cloud's route tables, whatever happens to those and to the hosts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createVpcLab, type VpcLab } from '../../helpers/cloud/vpc-lab.ts';
import type { Daemon } from '../../helpers/daemon.ts';
import { askDoctor, assertSays, assertWell } from '../../helpers/doctor.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type LabHost, PREFIX } from '../../helpers/lab.ts';
import { Mesh } from '../../helpers/mesh.ts';

const NETWORK = '10.5.0.0/16';
const subnetOf = (host: LabHost): string => host.containerAddress.replace(/1$/, '0/24');

describe('aws-vpc', () => {
  let lab: VpcLab;
  let daemons: Daemon[];
  let main: string;
  let ofSubnetB: string;

  const resync = '--cloud-resync=2s';
  const made = (table: string) => lab.cloud.call('madeRoutes', table);

  before(async () => {
    lab = await createVpcLab({ hosts: 3, config: {} });
    main = await lab.cloud.call('addTable', { main: true });
    ofSubnetB = await lab.cloud.call('addTable', { subnets: ['subnet-0b'] });
    await lab.putConfig({ Network: NETWORK, Backend: { Type: 'aws-vpc', RouteTableID: [main, ofSubnetB] } });
    daemons = await lab.startDaemons([resync]);
    await lab.allConverged();
  });
  after(async () => {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.destroy();
  });

  it("writes lease and subnet.env as flannel's, and nothing else on the host", async () => {
    const [host] = lab.hosts as [LabHost];
    const leases = await lab.leases();
    const key = `${PREFIX}/subnets/${subnetOf(host).replace('/', '-')}`;
    assert.equal(leases.get(key), `{"PublicIP":"${host.address}","PublicIPv6":null}`);
    assert.deepEqual(host.subnetEnv(), {
      FLANNEL_NETWORK: NETWORK,
      FLANNEL_SUBNET: `${host.containerAddress}/24`,
      FLANNEL_MTU: '1500',
      FLANNEL_IPMASQ: 'false',
    });
    const routes = await host.ip('route', 'show', 'proto', '115');
    assert.equal(routes.trim(), '');
  });

  it('reaches every host from every host, in two subnets with a route table each', async () => {
    const mesh = await Mesh.start(lab.hosts);
    await mesh.stopAndExpectNoLoss();
    for (const table of [main, ofSubnetB])
      assert.deepEqual(
        await made(table),
        Object.fromEntries(lab.hosts.map((host) => [subnetOf(host), lab.eni(host).id])),
      );
  });

  it('repairs what is deleted, replaced or switched on in the cloud, and leaves the rest alone', async () => {
    const [one, two] = lab.hosts as [LabHost, LabHost];
    const origin = 'CreateRoute' as const;
    const foreign = [
      { dst: '10.99.0.0/24', eni: 'eni-0dead', origin },
      { dst: '0.0.0.0/0', gateway: 'igw-1', origin },
      { dst: '10.5.251.0/24', gateway: 'vgw-1', origin },
    ];
    for (const route of foreign) await lab.cloud.call('putRoute', main, route);
    await lab.cloud.call('removeRoute', main, subnetOf(one));
    await lab.cloud.call('putRoute', ofSubnetB, { dst: subnetOf(one), eni: lab.eni(two).id, origin });
    await lab.cloud.call('setCheck', one.address, true);
    await eventually(
      async () => {
        for (const table of [main, ofSubnetB]) assert.equal((await made(table))[subnetOf(one)], lab.eni(one).id);
        assert.equal(await two.ping(one), true);
        return true;
      },
      { what: 'the repair', timeout: 30_000 },
    );
    const routes = await made(main);
    assert.deepEqual(
      [routes['10.99.0.0/24'], routes['0.0.0.0/0'], routes['10.5.251.0/24']],
      ['eni-0dead', 'igw-1', 'vgw-1'],
    );
  });

  it('loses no packet when the daemon is killed, and when it starts again', async () => {
    const mesh = await Mesh.start(lab.hosts);
    await daemons[0]!.kill();
    await mesh.answered(20);
    const before = (await lab.cloud.call('writes')).length;
    daemons[0] = lab.hosts[0]!.startDaemon([resync]);
    await lab.allConverged();
    await mesh.stopAndExpectNoLoss();
    assert.equal((await lab.cloud.call('writes')).length, before, 'a restart writes nothing');
  });

  it('cleans up after a host that is gone once its lease is, and not before', async () => {
    const gone = lab.hosts[2]!;
    const subnet = subnetOf(gone);
    await daemons[2]!.kill();
    await lab.kill(gone);
    lab.hosts.splice(2, 1);
    // Two passes of the others later it is still there.
    const calls = await lab.cloud.call('calls');
    await eventually(async () => (await lab.cloud.call('calls')) > calls + 8, { what: 'two passes', timeout: 30_000 });
    assert.ok(subnet in (await made(main)));
    await lab.delete(`${PREFIX}/subnets/${subnet.replace('/', '-')}`);
    await eventually(async () => !(subnet in (await made(main))) && !(subnet in (await made(ofSubnetB))), {
      what: 'its routes to go',
      timeout: 30_000,
    });
  });

  it('says what is missing where it may not, and comes right by itself once it may', async () => {
    const [one] = lab.hosts as [LabHost];
    await lab.cloud.call('allow', ['ec2:DescribeInstances', 'ec2:DescribeRouteTables']);
    await lab.cloud.call('removeRoute', main, subnetOf(one));
    const held = await eventually(
      async () => (await one.lastReport())?.held.find(({ why }) => why === 'not permitted'),
      { what: 'the hold', timeout: 30_000 },
    );
    assert.match(held.detail, /ec2:CreateRoute.*packaging\/cloud\/aws-policy\.json/);
    // A look writes nothing, and so can't know it; the daemon does.
    assertSays(await askDoctor(one), 'cloud-rights', 'wrong', /ec2:CreateRoute/);
    const { code, report } = await one.report(['drift']);
    assert.equal(code, 2);
    assert.deepEqual(
      report.drift.map(({ op, kind, key }) => [op, kind, key]),
      [['create', 'cloud-route', `${main}|${subnetOf(one)}`]],
    );
    await lab.cloud.call('allow', null);
    await eventually(async () => subnetOf(one) in (await made(main)), { what: 'the route', timeout: 30_000 });
    await lab.allConverged();
  });

  it('says that a route table is full, as doctor does, and comes right by itself once it has room', async () => {
    const [one] = lab.hosts as [LabHost];
    await lab.cloud.call('setQuota', 1);
    await lab.cloud.call('removeRoute', main, subnetOf(one));
    await eventually(async () => (await one.lastReport())?.held.some(({ why }) => why === 'quota reached'), {
      what: 'the hold',
      timeout: 30_000,
    });
    assertSays(await askDoctor(one), 'cloud-quota', 'wrong', /no room for .*Routes per route table/);
    await lab.cloud.call('setQuota', 50);
    await eventually(async () => subnetOf(one) in (await made(main)), { what: 'the route', timeout: 30_000 });
    await lab.allConverged();
  });

  it('repairs by --once too, with reads that are behind and a call that is throttled', async () => {
    const [one, two] = lab.hosts as [LabHost, LabHost];
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.cloud.call('setLag', 2);
    await lab.cloud.call('removeRoute', main, subnetOf(one));
    await lab.cloud.call('setCheck', one.address, true);
    await lab.cloud.call('inject', 'DescribeInstances', { status: 503, code: 'RequestLimitExceeded' }, 2);
    const { code, report } = await one.report(['--once']);
    assert.equal(code, 0, JSON.stringify([report.held, report.outcomes]));
    assert.deepEqual(
      report.outcomes.map(({ kind, result }) => [kind, result]),
      [
        ['source-dest-check', 'done'],
        ['cloud-route', 'done'],
      ],
    );
    assert.equal(await two.ping(one), true);
    assert.equal((await one.report(['drift'])).code, 0);
  });

  it('doctor says what is wrong in the cloud by the check that it is of, and changes nothing there', async () => {
    const [one] = lab.hosts as [LabHost];
    const well = await askDoctor(one);
    assertWell(well, 'cloud-check');
    assertWell(well, 'cloud-routes');
    assertWell(well, 'cloud-rights');
    assertWell(well, 'cloud-quota');
    assertWell(well, 'cloud-ranges');
    const written = (await lab.cloud.call('writes')).length;
    await lab.cloud.call('setCheck', one.address, true);
    await lab.cloud.call('removeRoute', main, subnetOf(one));
    // A second range that the VPC was given, inside the flannel network.
    const range = { dst: '10.5.128.0/17', gateway: 'local', origin: 'CreateRouteTable' as const };
    await lab.cloud.call('putRoute', main, range);
    const ill = await askDoctor(one);
    assertSays(ill, 'cloud-check', 'wrong', /source\/destination check of eni-\S+ is on/);
    assertSays(ill, 'cloud-routes', 'wrong', /1 of the cloud's routes/);
    assertSays(ill, 'cloud-ranges', 'wrong', /10\.5\.0\.0\/16 overlaps the range 10\.5\.128\.0\/17/);
    await lab.cloud.call('allow', ['ec2:DescribeInstances']);
    assertSays(await askDoctor(one), 'cloud-rights', 'wrong', /ec2:DescribeRouteTables/);
    await lab.cloud.call('allow', null);
    assert.equal((await lab.cloud.call('writes')).length, written);
  });
});
