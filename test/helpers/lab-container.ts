/** Owns a container on a lab host: a namespace behind a bridge with the subnet's first address, as Docker would have it. */
import { eventually } from './eventually.ts';
import type { LabHost } from './lab.ts';
import { createNetns, type Netns } from './netns.ts';

export interface LabContainer {
  ns: Netns;
  address: string;
  /** "10.5.34.0/24" */
  subnet: string;
}

/** Waits for subnet.env, then makes docker0 and a container on it. The caller destroys its namespace. */
export async function attachContainer(host: LabHost): Promise<LabContainer> {
  const env = await eventually(() => host.subnetEnv(), { what: `${host.subnetFile} of ${host.name}`, timeout: 60_000 });
  const [gateway = '', length] = env.FLANNEL_SUBNET!.split('/');
  const base = gateway.slice(0, gateway.lastIndexOf('.'));
  const ns = await createNetns('container');
  await host.ns.ipBatch([
    'link add docker0 type bridge',
    `address add ${gateway}/${length} dev docker0`,
    'link set docker0 up',
    `link add vethc type veth peer name eth0 netns ${ns.name}`,
    'link set vethc master docker0 up',
  ]);
  await ns.ipBatch([
    `address add ${base}.2/${length} dev eth0`,
    'link set eth0 up',
    `route add default via ${gateway}`,
  ]);
  return { ns, address: `${base}.2`, subnet: `${base}.0/${length}` };
}
