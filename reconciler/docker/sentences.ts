/** Owns the sentences about Docker: what is so, and what a person does about it. Decides nothing. */
import type { DockerOptions } from '../../config/docker-options.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { BridgeNetwork, Engine } from './contract.ts';
import { namesOf } from './restart.ts';

type Hold = Omit<HeldEntry, 'kind'>;
const about = (parts: Hold): HeldEntry => ({ kind: 'docker', ...parts });

const flagsOf = ({ address, mtu, ipMasq }: BridgeNetwork): string =>
  `--bip=${address} --mtu=${mtu} --ip-masq=${ipMasq}`;

export interface Differs {
  options: DockerOptions;
  subnet: string;
  want: BridgeNetwork;
  have: BridgeNetwork;
  fields: readonly string[];
}

/** "docker0 has 172.17.0.1/16 and MTU 1500, where this host's subnet 10.5.34.0/24 needs 10.5.34.1/24 and MTU 1450" */
export function differenceOf({ options, subnet, want, have, fields }: Differs): string {
  const parts = (network: BridgeNetwork): string =>
    [
      fields.includes('address') ? network.address || 'no address' : '',
      fields.includes('mtu') ? `MTU ${network.mtu}` : '',
      fields.includes('ipMasq') ? `ip-masq ${network.ipMasq}` : '',
    ]
      .filter(Boolean)
      .join(', ');
  return `${options.bridge} has ${parts(have)}, where this host's subnet ${subnet} needs ${parts(want)}`;
}

export function notFollowed(differs: Differs): HeldEntry {
  const { options, want } = differs;
  const detail = `${differenceOf(differs)}: give dockerd ${flagsOf(want)} and restart it, or let selvage see to it with --docker opts or --docker daemon-json.`;
  return about({ key: options.bridge, why: 'not on the subnet', detail, unmet: false });
}

export function notRunning(differs: Differs): HeldEntry {
  const { options } = differs;
  const file = options.mode === 'opts' ? options.opts.file : options.daemonJson;
  const detail = `${differenceOf(differs)}; no engine answers, and when one starts it takes that from ${file}.`;
  return about({ key: options.bridge, why: 'not on the subnet', detail, unmet: false });
}

/** `why` completes "a restart of Docker is due …". */
export function restartDue(differs: Differs, why: string): HeldEntry {
  const unmet = differs.options.restart.policy !== 'never';
  const detail = `${differenceOf(differs)}; a restart of Docker is due ${why}.`;
  return about({ key: differs.options.bridge, why: 'restart due', detail, unmet });
}

/** dockerd's own words, which nobody reads before it is down. */
export function givenTwice(
  options: DockerOptions,
  keys: { name: string; fromFlag: string; fromFile: string }[],
  cure: string,
): HeldEntry {
  const list = keys.map(({ name, fromFlag, fromFile }) => `${name}: (from flag: ${fromFlag}, from file: ${fromFile})`);
  const names = keys.map(({ name }) => name).join(', ');
  const detail = `Docker would not start with ${options.opts.file}: "unable to configure the Docker daemon with file ${options.daemonJson}: the following directives are specified both as a flag and in the configuration file: ${list.join(', ')}"; ${cure.replace('KEYS', names)}`;
  return about({ key: options.daemonJson, why: 'given twice', detail, unmet: options.mode === 'daemon-json' });
}

export function invalidDaemonJson(options: DockerOptions, problem: string): HeldEntry {
  const detail = `${options.daemonJson} is no valid JSON (${problem}): it is left alone, and Docker would not start with it; mend it.`;
  return about({ key: options.daemonJson, why: 'invalid', detail, unmet: options.mode !== 'report' });
}

export function fixedCidrOutside(options: DockerOptions, fixedCidr: string, subnet: string): HeldEntry {
  const detail = `fixed-cidr in ${options.daemonJson} is ${fixedCidr}, outside this host's subnet ${subnet}: containers would get addresses that no other host reaches; take it out, or choose a part of the subnet.`;
  return about({ key: options.daemonJson, why: 'fixed-cidr outside the subnet', detail, unmet: false });
}

export function poolInNetwork(options: DockerOptions, pools: readonly string[], network: string): HeldEntry {
  const detail = `default-address-pools in ${options.daemonJson} has ${pools.join(', ')}, which overlaps the flannel network ${network}: Docker's other networks would take other hosts' subnets; choose another range.`;
  return about({ key: options.daemonJson, why: 'address pool in the network', detail, unmet: false });
}

export function containersOutside(options: DockerOptions, containers: Engine['containers'], subnet: string): HeldEntry {
  const many = containers.length > 1;
  const detail = `${many ? 'The containers' : 'The container'} ${namesOf(containers)} on ${options.bridge} ${many ? 'have addresses' : 'has an address'} outside this host's subnet ${subnet}, which other hosts don't reach; restart ${many ? 'them' : 'it'} once ${options.bridge} is on the subnet.`;
  return about({ key: options.bridge, why: 'containers on another subnet', detail, unmet: false });
}

export function nobodyMasquerades(options: DockerOptions): HeldEntry {
  const detail = `Neither flannel (--ip-masq) nor Docker (ip-masq) masquerades, so containers on ${options.bridge} reach nothing outside the overlay unless another rule sees to it; see whether dockerd runs with --ip-masq=false or --iptables=false.`;
  return about({ key: options.bridge, why: 'nobody masquerades', detail, unmet: false });
}

export function otherBridge(options: DockerOptions, bridge: string): HeldEntry {
  const detail = `Docker's default bridge is ${bridge}, not ${options.bridge}: give --docker-bridge ${bridge}, or --docker off.`;
  return about({ key: options.bridge, why: 'another bridge', detail, unmet: false });
}

export function notReadable(options: DockerOptions, problem: string): HeldEntry {
  return about({ key: options.bridge, why: 'not readable', detail: problem, unmet: false });
}

export function restartRunning(options: DockerOptions): HeldEntry {
  const detail = `Docker is being restarted (${options.restart.command}).`;
  return about({ key: options.bridge, why: 'being restarted', detail, unmet: true });
}
