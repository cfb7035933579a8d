/** The rights in packaging/cloud/: they are enough for all that is done in a cloud, and none can be left out. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { AwsDriver } from '../../../drivers/cloud/aws/driver.ts';
import { GceDriver } from '../../../drivers/cloud/gce/driver.ts';
import type { CloudDriver, CloudWant } from '../../../reconciler/cloud/model.ts';
import { cloudPass } from '../../../states/cloud/pass.ts';
import { fakeAws } from '../../helpers/cloud/aws.ts';
import { fakeGoogle } from '../../helpers/cloud/gce.ts';

const SUBNET = '10.20.3.0/24';
const STALE = '10.20.9.0/24';
const PATIENCE = { tries: 1, firstMs: 1 };
const read = (name: string) => readFileSync(new URL(`../../../packaging/cloud/${name}`, import.meta.url), 'utf8');

/** Permissions that were found missing in a pass that makes, replaces and deletes a route. */
async function missing(driver: CloudDriver, want: CloudWant): Promise<string[]> {
  const leases = () => ({ leased: new Set([SUBNET]), complete: true });
  const clock = { sleep: async () => {} };
  const { outcomes, failure } = await cloudPass({ driver, want, leases, keepStale: false, apply: true, clock });
  const failures = [failure, ...outcomes.map((outcome) => outcome.failure)];
  return failures.flatMap((one) => (one?.kind === 'denied' ? (one.permission ?? '?') : []));
}

async function onAws(allowed: readonly string[]): Promise<string[]> {
  const aws = await fakeAws();
  try {
    aws.ec2.allowed = new Set(allowed);
    const other = aws.world.addTable();
    aws.world.putRoute(other, { dst: SUBNET, eni: 'eni-0dead' });
    aws.world.putRoute(other, { dst: STALE, eni: 'eni-0dead' });
    const tables = [aws.table, other];
    const want: CloudWant = { cloud: 'aws-vpc', network: '10.20.0.0/16', subnet: SUBNET, address: '10.0.0.5', tables };
    return await missing(new AwsDriver(aws.env, PATIENCE), want);
  } finally {
    await aws.close();
  }
}

async function onGoogle(allowed: readonly string[]): Promise<string[]> {
  const google = await fakeGoogle();
  try {
    google.gce.allowed = new Set(allowed);
    google.world.putRoute({ name: 'flannel-10-20-9-0-24', destRange: STALE, instance: 'gone' });
    const want: CloudWant = { cloud: 'gce', network: '10.20.0.0/16', subnet: SUBNET, address: '10.128.0.5' };
    return await missing(new GceDriver(google.env, PATIENCE), want);
  } finally {
    await google.close();
  }
}

describe('the rights in packaging/cloud', () => {
  const { Statement } = JSON.parse(read('aws-policy.json')) as { Statement: { Action: string | string[] }[] };
  const actions = Statement.flatMap(({ Action }) => Action);
  const permissions = [...read('gce-role.yaml').matchAll(/^ {2}- (.+)$/gm)].map(([, name]) => name!);

  it('are enough', async () => {
    assert.deepEqual(await onAws(actions), []);
    assert.deepEqual(await onGoogle(permissions), []);
  });

  it('are all needed on AWS, where reading the instance is done without at the price of the source/dest check', async () => {
    for (const left of actions.filter((action) => action !== 'ec2:DescribeInstances'))
      assert.deepEqual(await onAws(actions.filter((action) => action !== left)), [left]);
  });

  it('are all needed on Google', async () => {
    for (const left of permissions) {
      const found = await onGoogle(permissions.filter((permission) => permission !== left));
      assert.ok(found.length > 0 && found.every((permission) => permission === left), `${left}: ${found}`);
    }
  });
});
