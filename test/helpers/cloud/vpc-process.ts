/**
 * Owns the process in the router's namespace of a VPC lab: the fake clouds at the addresses where instances look for them, and the router that
 * forwards by what they say. The test calls its methods over IPC (vpc-lab.ts).
 *
 *   169.254.169.254:80      metadata of both clouds, which tell by its address which instance asks
 *   192.168.64.1:8080       EC2             192.168.64.1:8081   Compute Engine
 */
import type { RequestListener } from 'node:http';
import { AwsWorld, type TableRoute } from './aws-world.ts';
import { FakeEc2 } from './fake-ec2.ts';
import { FakeGce } from './fake-gce.ts';
import { FakeGceMetadata } from './fake-gce-metadata.ts';
import { FakeImds } from './fake-imds.ts';
import { type GceRoute, GceWorld } from './gce-world.ts';
import type { Failure } from './injected.ts';
import { type Port, Router } from './router.ts';
import { serve } from './serve.ts';

const aws = new AwsWorld();
const google = new GceWorld();
const ec2 = new FakeEc2(aws);
const gce = new FakeGce(google);
const whoAsks = ({ socket }: { socket: { remoteAddress?: string } }): string =>
  (socket.remoteAddress ?? '').replace('::ffff:', '');
const imds = new FakeImds(ec2, whoAsks);
const googleMetadata = new FakeGceMetadata(gce, whoAsks);
const router = new Router();
/** By port: its address, and which cloud it is in. */
const ports = new Map<string, { address: string; cloud: 'aws-vpc' | 'gce' }>();

const metadata: RequestListener = (request, response) =>
  request.url?.startsWith('/latest/') ? imds.listener(request, response) : googleMetadata.listener(request, response);

/** As the tables are, not as a read that is behind tells. */
function portOf(name: string): Port {
  const { address, cloud } = ports.get(name)!;
  if (cloud === 'gce') {
    const instance = google.instances.find(({ ip }) => ip === address);
    const routes = google.truth.filter((route) => !route.own && route.tags.length === 0);
    const ipOf = (route: GceRoute) => google.instances.find((one) => one.name === route.instance)?.ip;
    return {
      name,
      address,
      isChecked: !instance?.canIpForward,
      routes: routes.map((route) => ({ dst: route.destRange, via: ipOf(route) })),
    };
  }
  const eni = aws.truth.enis.find((one) => one.address === address);
  const table = eni && aws.tableOf(eni.subnet);
  const addressOf = (route: TableRoute) => aws.truth.enis.find(({ id }) => id === route.eni)?.address;
  const routes = (table?.routes ?? []).filter((route) => route.eni !== undefined);
  return {
    name,
    address,
    isChecked: eni?.sourceDestCheck ?? true,
    routes: routes.map((route) => ({ dst: route.dst, via: addressOf(route) })),
  };
}

const program = (): Promise<void> => router.program([...ports.keys()].map(portOf));
ec2.onWrite = program;
gce.onWrite = program;

/** What the test may call; all of it ends with packets going as the tables then say. */
const METHODS = {
  addTable: (options: { main?: boolean; subnets?: string[] }) => aws.addTable(options),
  addInstance: (port: string, address: string, subnet: string) => {
    ports.set(port, { address, cloud: 'aws-vpc' });
    return aws.addInstance({ address, subnet });
  },
  addGceInstance: (port: string, ip: string, name: string, canIpForward: boolean) => {
    ports.set(port, { address: ip, cloud: 'gce' });
    return google.addInstance({ name, ip, canIpForward });
  },
  /** The port goes with the host's namespace, so that no route may lead there any more. */
  terminate: (instance: string, address: string) => {
    for (const [name, port] of ports) if (port.address === address) ports.delete(name);
    aws.terminate(instance);
    google.instances = google.instances.filter(({ name }) => name !== instance);
  },
  setCheck: (address: string, on: boolean) => {
    for (const eni of aws.truth.enis) if (eni.address === address) eni.sourceDestCheck = on;
  },
  putRoute: (table: string, route: TableRoute) => aws.putRoute(table, route),
  removeRoute: (table: string, dst: string) => aws.removeRoute(table, dst),
  madeRoutes: (table: string) => aws.madeRoutes(table),
  removeGceRoute: (name: string) => google.removeRoute(name),
  gceRoutes: () => google.made,
  setQuota: (routes: number) => {
    aws.quota = routes;
    google.quota = routes;
  },
  setCanIpForward: (ip: string, on: boolean) => {
    for (const instance of google.instances) if (instance.ip === ip) instance.canIpForward = on;
  },
  setLag: (reads: number) => {
    aws.lag = reads;
    google.lag = reads;
  },
  inject: (what: string, failure: Failure, times: number) => {
    ec2.injected.next(what, failure, times);
    gce.injected.next(what, failure, times);
  },
  allow: (actions: string[] | null) => {
    ec2.allowed = actions ? new Set(actions) : undefined;
    gce.allowed = ec2.allowed;
  },
  writes: () => [...ec2.writes, ...gce.writes],
  calls: () => ec2.log.length + gce.log.length,
};

export type VpcMethods = typeof METHODS;

process.on('message', (message: { id: number; method: keyof VpcMethods; args: unknown[] }) => {
  const { id, method, args } = message;
  Promise.resolve((METHODS[method] as (...given: unknown[]) => unknown)(...args))
    .then(async (result) => {
      await program();
      process.send?.({ id, result: result ?? null });
    })
    .catch((error: unknown) => process.send?.({ id, error: String(error) }));
});
process.on('disconnect', () => process.exit(0));

await serve(metadata, '169.254.169.254', 80);
await serve(ec2.listener, '192.168.64.1', 8080);
await serve(gce.listener, '192.168.64.1', 8081);
process.send?.({ id: 0, result: 'ready' });
