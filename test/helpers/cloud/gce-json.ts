/** Owns the JSON of the fake Compute Engine: links as Google writes them, and refusals. */
import { type GceInstance, type GceRoute, type GceWorld, type Operation, PROJECT } from './gce-world.ts';

export class GceRefusal extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** As the API gives links out; those it is given may have the other host. */
export const link = (path: string): string => `https://www.googleapis.com/compute/v1/projects/${PROJECT}/${path}`;

export const instancePath = ({ zone, name }: GceInstance): string => `zones/${zone}/instances/${name}`;

export const instanceJson = (instance: GceInstance): object => ({
  kind: 'compute#instance',
  name: instance.name,
  selfLink: link(instancePath(instance)),
  canIpForward: instance.canIpForward,
  networkInterfaces: [{ name: 'nic0', networkIP: instance.ip, network: link(`global/networks/${instance.network}`) }],
});

export function routeJson(world: GceWorld, route: GceRoute): object {
  const instance = world.instances.find(({ name }) => name === route.instance);
  const path = `zones/europe-test1-b/instances/${route.instance}`;
  return {
    kind: 'compute#route',
    name: route.name,
    destRange: route.destRange,
    network: link(`global/networks/${route.network}`),
    priority: route.priority,
    ...(route.tags.length ? { tags: route.tags } : {}),
    ...(route.own ? { nextHopNetwork: link(`global/networks/${route.network}`) } : {}),
    ...(route.gateway ? { nextHopGateway: link(`global/gateways/${route.gateway}`) } : {}),
    ...(route.instance ? { nextHopInstance: link(instance ? instancePath(instance) : path) } : {}),
    ...warningsOf(route, instance),
  };
}

function warningsOf(route: GceRoute, instance: GceInstance | undefined): object {
  if (route.instance === undefined) return {};
  if (!instance) return { warnings: [{ code: 'NEXT_HOP_INSTANCE_NOT_FOUND' }] };
  return instance.canIpForward ? {} : { warnings: [{ code: 'NEXT_HOP_CANNOT_IP_FORWARD' }] };
}

export const operationJson = ({ name, done, error, polls }: Operation): object => ({
  kind: 'compute#operation',
  name,
  status: done ? 'DONE' : polls > 1 ? 'PENDING' : 'RUNNING',
  selfLink: link(`global/operations/${name}`),
  ...(error ? { error: { errors: [error] }, httpErrorStatusCode: 400 } : {}),
});

export const refusalJson = ({ status, reason, message }: GceRefusal): object => ({
  error: { code: status, message, errors: [{ domain: 'global', reason, message }] },
});
