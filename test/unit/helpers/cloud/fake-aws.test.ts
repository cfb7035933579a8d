/** The fake EC2 and IMDS before AWS's own SDK, the independent client: what it accepts there, our client is then tested against. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateRouteCommand,
  DeleteRouteCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
  ReplaceRouteCommand,
} from '@aws-sdk/client-ec2';
import { type FakeAws, fakeAws } from '../../../helpers/cloud/aws.ts';

describe("the fake EC2, driven by AWS's SDK", () => {
  let aws: FakeAws;
  let client: EC2Client;
  const dst = '10.20.3.0/24';

  before(async () => {
    aws = await fakeAws();
    // The SDK reads the metadata service's address from the environment only.
    process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = aws.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
    client = new EC2Client({ region: aws.world.region, endpoint: aws.env.AWS_ENDPOINT_URL_EC2, maxAttempts: 1 });
  });
  after(async () => {
    delete process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
    client.destroy();
    await aws.close();
  });

  const failsAs = (name: string, status: number) => (error: Error & { $metadata?: { httpStatusCode?: number } }) => {
    assert.equal(error.name, name);
    assert.equal(error.$metadata?.httpStatusCode, status);
    return true;
  };

  it('gives role credentials by IMDSv2, and describes the instance', async () => {
    const { Reservations } = await client.send(new DescribeInstancesCommand({ InstanceIds: [aws.self.instance] }));
    const [eni] = Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces ?? [];
    assert.equal(eni?.NetworkInterfaceId, aws.self.id);
    assert.equal(eni?.SourceDestCheck, true);
    assert.equal(eni?.PrivateIpAddresses?.[0]?.PrivateIpAddress, aws.self.address);
    assert.ok(aws.imds.log.some((line) => line.startsWith('PUT ')));
  });

  it('makes, replaces, lists and deletes a route, and refuses as EC2 does', async () => {
    const RouteTableId = aws.table;
    const route = { RouteTableId, DestinationCidrBlock: dst, NetworkInterfaceId: aws.self.id };
    await assert.rejects(client.send(new ReplaceRouteCommand(route)), failsAs('InvalidParameterValue', 400));
    assert.equal((await client.send(new CreateRouteCommand(route))).Return, true);
    await assert.rejects(client.send(new CreateRouteCommand(route)), failsAs('RouteAlreadyExists', 400));
    await client.send(new ReplaceRouteCommand(route));
    const { RouteTables } = await client.send(new DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }));
    const found = RouteTables?.[0]?.Routes?.find(({ DestinationCidrBlock }) => DestinationCidrBlock === dst);
    assert.deepEqual([found?.NetworkInterfaceId, found?.State, found?.Origin], [aws.self.id, 'active', 'CreateRoute']);
    await client.send(new DeleteRouteCommand({ RouteTableId, DestinationCidrBlock: dst }));
    const gone = new DeleteRouteCommand({ RouteTableId, DestinationCidrBlock: dst });
    await assert.rejects(client.send(gone), failsAs('InvalidRoute.NotFound', 400));
  });

  it('finds tables by filters, and makes a black hole of a route whose ENI is gone', async () => {
    const other = aws.world.addInstance({ address: '10.0.0.9' });
    aws.world.putRoute(aws.table, { dst, eni: other.id });
    aws.world.terminate(other.instance);
    const Filters = [
      { Name: 'association.main', Values: ['true'] },
      { Name: 'vpc-id', Values: [aws.self.vpc] },
    ];
    const { RouteTables } = await client.send(new DescribeRouteTablesCommand({ Filters }));
    assert.equal(RouteTables?.[0]?.RouteTableId, aws.table);
    const states = RouteTables?.[0]?.Routes?.map(({ State }) => State);
    assert.deepEqual(states, ['active', 'blackhole']);
    aws.world.removeRoute(aws.table, dst);
  });

  it('switches the source/dest check, and knows a dry run', async () => {
    const NetworkInterfaceId = aws.self.id;
    const off = { NetworkInterfaceId, SourceDestCheck: { Value: false } };
    const dry = new ModifyNetworkInterfaceAttributeCommand({ ...off, DryRun: true });
    await assert.rejects(client.send(dry), failsAs('DryRunOperation', 412));
    assert.equal(aws.self.sourceDestCheck, true);
    await client.send(new ModifyNetworkInterfaceAttributeCommand(off));
    assert.equal(aws.world.truth.enis[0]?.sourceDestCheck, false);
  });

  it('refuses what is not permitted, a wrong secret, and too many routes', async () => {
    const route = { RouteTableId: aws.table, DestinationCidrBlock: dst, NetworkInterfaceId: aws.self.id };
    aws.ec2.allowed = new Set(['ec2:DescribeInstances']);
    await assert.rejects(client.send(new CreateRouteCommand(route)), failsAs('UnauthorizedOperation', 403));
    aws.ec2.allowed = undefined;
    aws.world.quota = 1;
    await assert.rejects(client.send(new CreateRouteCommand(route)), failsAs('RouteLimitExceeded', 400));
    aws.world.quota = 50;
    aws.ec2.keys.set('AKIDWRONG', { secret: 'right' });
    const credentials = { accessKeyId: 'AKIDWRONG', secretAccessKey: 'wrong' };
    const { region } = aws.world;
    const stranger = new EC2Client({ region, endpoint: aws.env.AWS_ENDPOINT_URL_EC2, credentials, maxAttempts: 1 });
    await assert.rejects(stranger.send(new CreateRouteCommand(route)), failsAs('SignatureDoesNotMatch', 403));
    stranger.destroy();
  });

  it('reads one write behind where it is told to', async () => {
    aws.world.lag = 1;
    const RouteTableId = aws.table;
    const read = async () => {
      const { RouteTables } = await client.send(new DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }));
      return RouteTables?.[0]?.Routes?.some(({ DestinationCidrBlock }) => DestinationCidrBlock === dst);
    };
    await client.send(
      new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: dst, NetworkInterfaceId: aws.self.id }),
    );
    assert.deepEqual([await read(), await read()], [false, true]);
  });
});
