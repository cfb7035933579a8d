/** Owns finding out where this host is on Google Compute Engine: its project, its instance and the network of its external interface. */
import { CloudError } from '../../../reconciler/cloud/failure.ts';
import { type Compute, objects } from './compute.ts';
import type { Metadata } from './metadata.ts';

export interface Place {
  project: string;
  /** Last part of "projects/…/zones/europe-west1-b". */
  zone: string;
  /** Name, whatever the host name is. */
  instance: string;
  /** What routes lead to: "projects/p/zones/z/instances/i". */
  target: string;
  instanceLink: string;
  /** Name of the VPC network. */
  network: string;
  networkLink: string;
  canIpForward: boolean;
}

/** @param address of the external interface. @throws CloudError */
export async function findPlace(
  compute: Compute,
  metadata: Metadata,
  address: string,
  signal?: AbortSignal,
): Promise<Place> {
  const read = async (path: string): Promise<string> => {
    const text = await metadata.get(path, signal);
    if (text) return lastOf(text.trim());
    const message = `The metadata server at ${metadata.endpoint} doesn't say ${path}; the backend gce needs a VM of Compute Engine.`;
    throw new CloudError({ kind: 'invalid', code: 'NoInstance', message });
  };
  const [project, zone, instance] = await Promise.all([
    read('project/project-id'),
    read('instance/zone'),
    read('instance/name'),
  ]);
  const path = `projects/${project}/zones/${zone}/instances/${instance}`;
  const found = await compute.call({ method: 'GET', path, about: `the instance ${instance}`, signal });
  const nics = objects(found.networkInterfaces);
  const nic = nics.find(({ networkIP }) => networkIP === address);
  if (!nic) {
    const message = `No network interface of ${instance} has the address ${address}; name the right interface with --iface.`;
    throw new CloudError({ kind: 'vanished', code: 'NoNIC', message });
  }
  const networkLink = String(nic.network ?? '');
  return {
    project,
    zone,
    instance,
    target: pathOf(String(found.selfLink ?? path)),
    instanceLink: String(found.selfLink ?? path),
    network: lastOf(networkLink),
    networkLink,
    canIpForward: found.canIpForward === true,
  };
}

export const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Of a link, what is behind the API's version: www.googleapis.com and compute.googleapis.com name the same things. */
export const pathOf = (link: string): string => link.replace(/^https?:\/\/[^/]+\/compute\/[^/]+\//, '');
