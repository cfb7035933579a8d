/** The VPC of the labs itself: that packets really go by the cloud's tables, and are really dropped by its checks. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createVpcLab, type VpcLab } from '../../helpers/cloud/vpc-lab.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { LabHost } from '../../helpers/lab.ts';
import { pingOnce } from '../../helpers/ping.ts';

describe('the VPC of the labs', () => {
  let lab: VpcLab;
  let table: string;
  let one: LabHost;
  let other: LabHost;
  const reaches = () => pingOnce(one.ns, '10.5.2.1', { source: '10.5.1.1' });

  before(async () => {
    lab = await createVpcLab({ config: {} });
    [one, other] = lab.hosts as [LabHost, LabHost];
    table = await lab.cloud.call('addTable', { main: true });
    await one.ns.ipBatch(['link add cni0 type bridge', 'address add 10.5.1.1/24 dev cni0', 'link set cni0 up']);
    await other.ns.ipBatch(['link add cni0 type bridge', 'address add 10.5.2.1/24 dev cni0', 'link set cni0 up']);
  });
  after(() => lab.destroy());

  it('lets instances reach each other and the metadata service, and nothing else without a route', async () => {
    await eventually(() => pingOnce(one.ns, other.address), { what: 'the first answer' });
    const get =
      'exec 3<>/dev/tcp/169.254.169.254/80 && printf "PUT /latest/api/token HTTP/1.0\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n" >&3 && cat <&3';
    assert.match((await one.ns.exec('bash', '-c', get)).stdout, / 200 /);
    await lab.cloud.call('setCheck', one.address, false);
    await lab.cloud.call('setCheck', other.address, false);
    assert.equal(await reaches(), false);
  });

  it('forwards by the table, drops by either check, and knows black holes', async () => {
    const route = (dst: string, host: LabHost) => ({ dst, eni: lab.eni(host).id, origin: 'CreateRoute' as const });
    await lab.cloud.call('putRoute', table, route('10.5.1.0/24', one));
    await lab.cloud.call('putRoute', table, route('10.5.2.0/24', other));
    await eventually(reaches, { what: 'an answer' });
    for (const host of [one, other]) {
      await lab.cloud.call('setCheck', host.address, true);
      assert.equal(await reaches(), false, `the check of ${host.name}`);
      await lab.cloud.call('setCheck', host.address, false);
    }
    await eventually(reaches, { what: 'an answer' });
    const own = await lab.cloud.call('addTable', { subnets: ['subnet-0a'] });
    assert.equal(await reaches(), false, "the sender's subnet has another table");
    await lab.cloud.call('putRoute', own, route('10.5.2.0/24', other));
    await eventually(reaches, { what: 'an answer' });
    await lab.cloud.call('removeRoute', own, '10.5.2.0/24');
    assert.equal(await reaches(), false);
    await lab.cloud.call('putRoute', own, { dst: '10.5.2.0/24', eni: 'eni-0dead', origin: 'CreateRoute' });
    assert.equal(await reaches(), false);
    await lab.cloud.call('putRoute', own, route('10.5.2.0/24', other));
    await eventually(reaches, { what: 'an answer' });
  });
});
