/** Owns which backends there are. A new one is a new file, and a line here. */
import type { NetworkConfig } from '../../config/model.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { awsVpcBackend } from './aws-vpc.ts';
import type { Backend } from './backend.ts';
import { gceBackend } from './gce.ts';
import { hostGwBackend } from './host-gw.ts';
import { vxlanBackend } from './vxlan.ts';

/** Undefined if we don't run it, or the network has no IPv4: see unsupportedBackend. */
export function backendFor(config: NetworkConfig): Backend | undefined {
  if (!config.enableIPv4) return undefined;
  switch (config.backend.kind) {
    case 'vxlan':
      return vxlanBackend(config.backend);
    case 'host-gw':
      return hostGwBackend;
    case 'aws-vpc':
      return awsVpcBackend(config.backend);
    case 'gce':
      return gceBackend;
    default:
      return undefined;
  }
}

/** The hold on a config whose backend we don't run. `key`: the config's. */
export function unsupportedBackend(config: NetworkConfig, key: string): HeldEntry {
  if (!config.enableIPv4) {
    const detail = `A network of IPv6 alone is not supported yet; set EnableIPv4 in ${key}, or run flanneld on this host.`;
    return { kind: 'config', key, why: 'IPv4 is off', detail, unmet: true };
  }
  const { type } = config.backend;
  // Most who see this one have written no Backend, or misspelt the word.
  const udp = 'The backend udp (which a config without Backend stands for)';
  const what = config.backend.kind === 'udp' ? udp : type ? `The backend ${type}` : 'A Backend without a Type';
  const detail = `${what} is not supported yet; set Backend.Type in ${key} to vxlan, host-gw, aws-vpc or gce, or run flanneld on this host.`;
  return { kind: 'config', key, why: 'backend not supported', detail, unmet: true };
}

/** Of a network of both families, where we can do our half only: flanneld crashes on such a lease (docs/reference/flannel.md#acquiring-a-lease). */
export function ipv4Only(config: NetworkConfig, key: string): HeldEntry[] {
  if (!config.enableIPv4 || !config.enableIPv6) return [];
  const detail = `EnableIPv6 is true in ${key}, but selvage does IPv4 only so far: this host takes a lease without an IPv6 subnet, on which a flanneld that starts anew crashes; turn EnableIPv6 off, or run flanneld on every host.`;
  return [{ kind: 'config', key, why: 'IPv6 is left out', detail, unmet: false }];
}
