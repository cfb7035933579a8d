/**
 * Owns what aws-vpc and gce have in common on a host: nothing. Containers' packets follow the host's default route, and the cloud's route
 * tables lead them on; each host writes the route of its own subnet there (cloud/), and nothing of a peer is ever wanted here.
 *
 * - Their leases name no BackendType, as flannel writes them: by its lease alone such a host can't be told from one of udp or alloc. One that
 *   names the config's own word means the same, and nothing has to be done about it.
 */
import type { Lease } from '../../config/model.ts';
import type { CloudName, CloudWant } from '../cloud/model.ts';
import type { Backend, BackendContext, PeerWants } from './backend.ts';
import type { BackendType } from './backend-type.ts';
import { badAddress, otherBackend, outsideNetwork } from './peer.ts';

/** BackendType of the leases. */
const TYPE = '';

/** What both types have: a lease of theirs leaves open which of them it means, and the host shows nothing of either. */
export const VPC_TYPE: Pick<BackendType, 'type' | 'pathOf' | 'seenOn'> = {
  type: TYPE,
  pathOf: () => undefined,
  seenOn: () => [],
};

/** @param tables of aws-vpc: RouteTableID */
export function vpcBackend(cloud: CloudName, tables?: readonly string[]): Backend {
  return {
    type: TYPE,
    alsoNamed: cloud,
    path: cloud,
    deviceNames: () => [],
    mtu: ({ host }) => host.uplink.mtu,
    backendData: () => undefined,
    device: () => [],
    peer: (context, lease) => peerWants(cloud, context, lease),
    idsOfSubnet: () => [],
    cloud: (context) => cloudWant(cloud, context, tables),
    notices: () => [],
  };
}

function peerWants(cloud: CloudName, context: BackendContext, lease: Lease): PeerWants {
  const { backendType } = lease.attrs;
  if (backendType !== TYPE && backendType !== cloud) return otherBackend(lease, cloud);
  return outsideNetwork(context, lease) ?? badAddress(context, lease) ?? { wants: [] };
}

function cloudWant(cloud: CloudName, context: BackendContext, tables: readonly string[] | undefined): CloudWant {
  const { config, own, host, instance } = context;
  const earlier = instance.networks.filter((network) => network !== config.network);
  return {
    cloud,
    network: config.network,
    ...(earlier.length ? { earlier } : {}),
    subnet: own.subnet,
    address: host.uplink.address,
    ...(tables ? { tables } : {}),
  };
}
