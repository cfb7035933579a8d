import type { NetworkConfig } from './model.ts';

/** What `selvage check-config` prints. The names are flannel's fields; the ipv6 ones are there if IPv6 is on. */
export interface NetworkConfigDescription {
  network: string;
  subnetMin: string;
  subnetMax: string;
  subnetLen: number;
  enableIPv4: boolean;
  enableIPv6: boolean;
  enableNFTables: boolean;
  /** As written in the config. */
  backendType: string;
  ipv6Network?: string;
  ipv6SubnetMin?: string;
  ipv6SubnetMax?: string;
  ipv6SubnetLen?: number;
}

/** What flannel makes of a config: given and derived values. */
export function describeNetworkConfig(config: NetworkConfig): NetworkConfigDescription {
  const { backend, ipv6Network, ipv6SubnetMin, ipv6SubnetMax, ipv6SubnetLen, ...ipv4 } = config;
  return {
    network: ipv4.network,
    subnetMin: ipv4.subnetMin,
    subnetMax: ipv4.subnetMax,
    subnetLen: ipv4.subnetLen,
    enableIPv4: ipv4.enableIPv4,
    enableIPv6: ipv4.enableIPv6,
    enableNFTables: ipv4.enableNFTables,
    backendType: backend.type,
    ...(ipv4.enableIPv6 ? { ipv6Network, ipv6SubnetMin, ipv6SubnetMax, ipv6SubnetLen } : {}),
  };
}
