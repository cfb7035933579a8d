/** Owns a fake AWS with its ends served on loopback, for tests without namespaces: one instance, 10.0.0.5, is the host under test. */
import { type AwsOptions, AwsWorld, type Eni } from './aws-world.ts';
import { FakeEc2 } from './fake-ec2.ts';
import { FakeImds } from './fake-imds.ts';
import { type Served, serve } from './serve.ts';

export const ADDRESS = '10.0.0.5';

export interface FakeAws {
  world: AwsWorld;
  ec2: FakeEc2;
  imds: FakeImds;
  /** The host under test. */
  self: Eni;
  /** The VPC's main table. */
  table: string;
  /** For the driver and for AWS's SDK: the ends, and no credentials. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function fakeAws(options: AwsOptions = {}): Promise<FakeAws> {
  const world = new AwsWorld({ vpcRange: '10.0.0.0/16', ...options });
  const self = world.addInstance({ address: ADDRESS });
  const table = world.addTable({ main: true });
  const ec2 = new FakeEc2(world);
  const imds = new FakeImds(ec2, () => ADDRESS);
  const served: Served[] = [await serve(ec2.listener), await serve(imds.listener)];
  const env = { AWS_ENDPOINT_URL_EC2: served[0]!.url, AWS_EC2_METADATA_SERVICE_ENDPOINT: served[1]!.url };
  const close = async () => void (await Promise.all(served.map((one) => one.close())));
  return { world, ec2, imds, self, table, env, close };
}
