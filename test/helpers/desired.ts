/** Owns a small network as the backends are told of it. */
import type { Lease } from '../../config/model.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import type { BackendContext } from '../../reconciler/backends/backend.ts';
import type { LeaseSource } from '../../reconciler/desired/desired.ts';
import { CONFIG, leaseOf, macOf, PREFIX } from './store.ts';

export const OWN_SUBNET = '10.5.34.0/24';
export const OWN_MAC = '02:ff:00:00:00:01';

export function contextOf(
  parts: { config?: string; nexthopObjects?: boolean; publicIP?: string; mtu?: number } = {},
): BackendContext {
  const address = '192.168.64.3';
  return {
    config: parseNetworkConfig(parts.config ?? CONFIG),
    own: leaseOf({ subnet: OWN_SUBNET, host: 1, revision: 1 }),
    mac: OWN_MAC,
    host: {
      hostname: 'web1',
      uplink: { name: 'eth0', mtu: parts.mtu ?? 1500, address, networks: ['192.168.64.0/24'] },
      publicIP: parts.publicIP ?? address,
      nexthopObjects: parts.nexthopObjects ?? true,
    },
    instance: { prefix: PREFIX, networks: ['10.5.0.0/16'], subnetFile: '/run/flannel/subnet.env' },
    ipMasq: false,
  };
}

export const sourceOf = (...leases: Lease[]): LeaseSource => ({
  leases: new Map(leases.map((lease) => [lease.subnet, lease])),
  complete: true,
});

/** The nth peer: its subnet, host and MAC all follow from n. `of`: the number of the host whose address it has instead. */
export const peerOf = (n: number, parts: { mac?: string; revision?: number; of?: number } = {}): Lease => {
  const lease = leaseOf({ subnet: `10.5.${n}.0/24`, host: 256 + (parts.of ?? n), revision: parts.revision ?? 10 + n });
  return { ...lease, attrs: { ...lease.attrs, backendData: { VNI: 1, VtepMAC: parts.mac ?? macOf(256 + n) } } };
};
