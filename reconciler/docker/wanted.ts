/**
 * Owns what Docker should have, as the lease says it: the bridge network, and the files that are kept in each mode.
 */
import type { DockerOptions } from '../../config/docker-options.ts';
import { formatDockerOpts } from '../../config/docker-opts.ts';
import { formatCidr, parseCidr } from '../../config/ipv4.ts';
import type { HostSubnet } from '../contracts/host.ts';
import type { FileResource } from '../kinds/index.ts';
import type { BridgeNetwork } from './contract.ts';
import { DAEMON_KEYS, type DaemonJson, type DaemonValues, editDaemonJson } from './daemon-json.ts';

/** The bridge has the subnet's first address after the network's own; who masquerades is flannel or Docker, never both. */
export function wantedNetwork({ subnet, mtu, ipMasq }: HostSubnet): BridgeNetwork {
  const cidr = parseCidr(subnet);
  const address = cidr ? formatCidr({ ip: (cidr.ip + 1) >>> 0, length: cidr.length }) : '';
  return { address, mtu, ipMasq: !ipMasq };
}

/** One cause to restart Docker for, as text. */
export const causeOf = ({ address, mtu, ipMasq }: BridgeNetwork): string => `${address} mtu ${mtu} ip-masq ${ipMasq}`;

export function optsFile({ opts }: DockerOptions, wanted: BridgeNetwork): FileResource {
  const variables = {
    ...opts.variables,
    FLANNEL_SUBNET: wanted.address,
    FLANNEL_MTU: String(wanted.mtu),
    FLANNEL_IPMASQ: String(!wanted.ipMasq),
  };
  const form = { individual: !opts.combined, combined: true, key: opts.key, ipMasq: true };
  return {
    kind: 'file',
    path: opts.file,
    content: formatDockerOpts(variables, form),
    mode: 0o644,
    flag: '--docker-opts-file',
  };
}

/**
 * daemon.json as it should be: with our values in `daemon-json` mode, without those of the options file in `opts` mode; undefined: as it is.
 * `opensRouting`: with `allow-direct-routing`, unless somebody has said otherwise.
 */
export function daemonFile(
  options: DockerOptions,
  wanted: BridgeNetwork,
  text: string | undefined,
  { values, directRouting }: DaemonJson,
  opensRouting = false,
): FileResource | undefined {
  const ours = options.mode === 'daemon-json';
  const all: Required<DaemonValues> = { bip: wanted.address, mtu: wanted.mtu, 'ip-masq': wanted.ipMasq };
  const want: Record<string, unknown> = {};
  const have: Record<string, unknown> = {};
  for (const key of DAEMON_KEYS) {
    const value = ours ? all[key] : undefined;
    if (values[key] === value) continue;
    // Docker's own default, if nobody says otherwise.
    if (key === 'ip-masq' && ours && value === true && values[key] === undefined) continue;
    want[key] = value;
    have[key] = values[key];
  }
  if (ours && opensRouting && directRouting === undefined) {
    want['allow-direct-routing'] = true;
    have['allow-direct-routing'] = undefined;
  }
  const content = editDaemonJson(text, want);
  if (content === undefined || content === text) return undefined;
  return {
    kind: 'file',
    path: options.daemonJson,
    content,
    mode: 0o644,
    flag: '--docker-daemon-json',
    edit: { of: text, want, have },
  };
}

/**
 * Names of what differs. A Docker that doesn't masquerade though flannel doesn't either is none: without iptables it can't (dockerd then
 * overrules --ip-masq), and no restart would change that.
 */
export function differences(want: BridgeNetwork, have: BridgeNetwork): string[] {
  const fields: string[] = (['address', 'mtu'] as const).filter((field) => want[field] !== have[field]);
  if (have.ipMasq && !want.ipMasq) fields.push('ipMasq');
  return fields;
}
