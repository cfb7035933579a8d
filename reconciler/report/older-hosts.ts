/** Owns what the leases tell of the flannel that wrote them: hosts that do not do what the config says (docs/backends.md#what-each-flanneld-does-with-a-key). */
import { configKey } from '../../config/lease-key.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import { leaseData } from '../backends/index.ts';
import type { HeldEntry } from '../contracts/report.ts';

/** A lease of vxlan without VNI is of flanneld up to 0.13, or was written by v2's API, with which nobody writes one. */
export function olderHosts(leases: readonly Lease[], config: NetworkConfig | undefined, prefix: string): HeldEntry[] {
  if (config?.backend.kind !== 'vxlan') return [];
  const { mtu, learning } = config.backend;
  const ignored = [
    ...(mtu === undefined ? [] : ['Backend.MTU (each flanneld below 0.22 does)']),
    ...(learning ? ['Backend.Learning (0.11 does)'] : []),
  ];
  const old = leases.filter(({ attrs }) => {
    const { vtepMAC, vni } = leaseData(attrs);
    return vtepMAC !== undefined && vni === undefined;
  });
  const [first] = old;
  if (!first || !ignored.length) return [];
  const which =
    old.length === 1 ? `The lease of ${first.subnet} names` : `${old.length} leases (${first.subnet}, …) name`;
  const detail = `${which} no VNI, as flanneld up to 0.13 writes them: such a host may ignore ${ignored.join(' and ')} of this config; see which flannel it runs, or take that out of the config.`;
  return [{ kind: 'config', key: configKey(prefix), why: 'older hosts', detail, unmet: false }];
}
