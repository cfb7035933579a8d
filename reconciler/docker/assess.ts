/**
 * Owns what is concluded about Docker: from the lease and what is seen, the files that should be, what differs, and what to say.
 *
 * - In `report` mode nothing is wanted. Nothing at all is said where neither an engine nor its bridge is seen and no file is to be kept.
 * - What dockerd would not start with is said before it is restarted, and keeps it from being restarted.
 */
import type { DockerOptions } from '../../config/docker-options.ts';
import { contains, overlaps, parseIp } from '../../config/ipv4.ts';
import { readEnvText } from '../../config/subnet-env.ts';
import type { HostSubnet } from '../contracts/host.ts';
import type { DriftEntry, HeldEntry } from '../contracts/report.ts';
import type { FileResource } from '../kinds/index.ts';
import type { BridgeNetwork, DockerObserved } from './contract.ts';
import { DAEMON_KEYS, type DaemonJson, readDaemonJson } from './daemon-json.ts';
import * as say from './sentences.ts';
import { daemonFile, differences, optsFile, wantedNetwork } from './wanted.ts';

export interface DockerAssessment {
  /** Whether there is anything to say about Docker. */
  seen: boolean;
  wanted: BridgeNetwork;
  /** The bridge network as it is; undefined if there is none. */
  have: BridgeNetwork | undefined;
  files: FileResource[];
  held: HeldEntry[];
  /** That the bridge is not as the lease says. */
  differs: say.Differs | undefined;
  drift: DriftEntry[];
  /** A restart would bring Docker onto the subnet, once the files are as they should be; nothing but policy is in its way. */
  restartWouldHelp: boolean;
}

export function assessDocker(options: DockerOptions, own: HostSubnet, seen: DockerObserved): DockerAssessment {
  const wanted = wantedNetwork(own);
  const manages = options.mode === 'opts' || options.mode === 'daemon-json';
  const isSeen = manages || seen.engine !== undefined || seen.bridge !== undefined;
  const have = networkOf(options, wanted, seen);
  const assessment: DockerAssessment = {
    seen: isSeen,
    wanted,
    have,
    files: [],
    held: [],
    differs: undefined,
    drift: [],
    restartWouldHelp: false,
  };
  if (!isSeen) return assessment;
  const { held } = assessment;
  if (seen.problem !== undefined) held.push(say.notReadable(options, seen.problem));

  const mayStart = readFiles(options, own, seen, assessment);
  const { engine } = seen;
  if (engine?.network && engine.network.bridge !== options.bridge) {
    held.push(say.otherBridge(options, engine.network.bridge));
    return assessment;
  }
  const outside = (engine?.containers ?? []).filter(
    ({ address }) => address !== '' && !contains(own.subnet, parseIp(address) ?? ''),
  );
  if (outside.length) held.push(say.containersOutside(options, outside, own.subnet));
  if (!have) return assessment;

  const fields = differences(wanted, have);
  if (fields.length === 0) return assessment;
  const differs = { options, subnet: own.subnet, want: wanted, have, fields };
  assessment.differs = differs;
  // A bridge that nobody serves is no difference that a restart would mend; it is only said.
  if (engine) assessment.drift.push(driftOf(differs));
  if (!manages) held.push(say.notFollowed(differs));
  else if (!engine) held.push(say.notRunning(differs));
  else if (!mayStart) held.push(say.restartDue(differs, 'and waits until what is said above is mended'));
  else assessment.restartWouldHelp = seen.problem === undefined;
  return assessment;
}

/** What the files should be, and what in them dockerd would not start with; false if there is such a thing that nothing of ours cures. */
function readFiles(
  options: DockerOptions,
  own: HostSubnet,
  seen: DockerObserved,
  { wanted, files, held }: DockerAssessment,
): boolean {
  const opts = optsFile(options, wanted);
  if (options.mode === 'opts') files.push(opts);
  if (seen.problem !== undefined) return false;
  const json = readDaemonJson(seen.daemonJson);
  if (typeof json === 'string') {
    held.push(say.invalidDaemonJson(options, json));
    return false;
  }
  let mayStart = true;
  if (options.mode === 'opts') {
    const twice = givenTwice(opts.content, json);
    if (twice.length) held.push(say.givenTwice(options, twice, 'selvage takes KEYS out of it.'));
    const file = daemonFile(options, wanted, seen.daemonJson, json);
    if (file) files.push(file);
  } else if (options.mode === 'daemon-json') {
    const flags = readFlags(seen.optsFile);
    if (flags.size > 0) {
      const cure = `remove ${options.opts.file} and what passes it to dockerd; until then KEYS in ${options.daemonJson} are left as they are.`;
      const all = { bip: wanted.address, mtu: wanted.mtu, 'ip-masq': wanted.ipMasq, ...json.values };
      held.push(say.givenTwice(options, givenTwice(seen.optsFile, { ...json, values: all }), cure));
      mayStart = false;
    } else {
      const file = daemonFile(options, wanted, seen.daemonJson, json, opensRouting(seen));
      if (file) files.push(file);
    }
  } else {
    const twice = givenTwice(seen.optsFile, json);
    const cure = `take KEYS out of ${options.daemonJson} (--docker opts does that).`;
    if (twice.length) held.push(say.givenTwice(options, twice, cure));
  }
  const { fixedCidr, pools, iptables } = json;
  if (iptables && wanted.ipMasq && seen.engine?.network?.ipMasq === false) held.push(say.nobodyMasquerades(options));
  if (fixedCidr !== undefined && !contains(own.subnet, fixedCidr))
    held.push(say.fixedCidrOutside(options, fixedCidr, own.subnet));
  const inside = pools.filter((pool) => overlaps(own.network, pool));
  if (inside.length) held.push(say.poolInNetwork(options, inside, own.network));
  return mayStart;
}

/** Docker drops what other hosts' containers send, and knows the setting that ends it (28.2; an older one would not start with it). */
function opensRouting({ isShut, engine }: DockerObserved): boolean {
  const [major = 0, minor = 0] = (engine?.version ?? '').split('.').map(Number);
  return isShut && (major > 28 || (major === 28 && minor >= 2));
}

/** The flags of an options file (--bip and so on), by their name in daemon.json. */
function readFlags(text: string | undefined): Map<string, string> {
  const flags = new Map<string, string>();
  for (const value of readEnvText(text ?? '').values()) {
    for (const [, name, given] of value.matchAll(/(?<!\S)--(bip|mtu|ip-masq)(?:[= ](\S+))?/g)) {
      // A bool takes its value only after "=".
      flags.set(name!, name === 'ip-masq' && !value.includes(`--ip-masq=${given}`) ? 'true' : (given ?? ''));
    }
  }
  return flags;
}

function givenTwice(optsText: string | undefined, { values }: DaemonJson) {
  const flags = readFlags(optsText);
  return DAEMON_KEYS.flatMap((name) => {
    const fromFlag = flags.get(name);
    return fromFlag === undefined || values[name] === undefined
      ? []
      : { name, fromFlag, fromFile: String(values[name]) };
  });
}

/**
 * The bridge network as it is. Its address is what the kernel has; what only the engine knows is taken for right without one: the
 * bridge's own MTU follows the containers on it.
 */
function networkOf(options: DockerOptions, wanted: BridgeNetwork, seen: DockerObserved): BridgeNetwork | undefined {
  const { bridge, engine } = seen;
  if (engine && !engine.network) return undefined;
  if (!bridge && !engine) return undefined;
  if (engine?.network && engine.network.bridge !== options.bridge) return undefined;
  const addresses = bridge?.addresses ?? [];
  const address = addresses.includes(wanted.address) ? wanted.address : (addresses[0] ?? '');
  const { mtu, ipMasq } = engine?.network ?? wanted;
  return { address, mtu, ipMasq };
}

function driftOf({ options, want, have, fields }: say.Differs): DriftEntry {
  const pick = (network: BridgeNetwork): object =>
    Object.fromEntries(Object.entries(network).filter(([name]) => fields.includes(name)));
  const reason = `differs: ${fields.join(', ')}`;
  return {
    op: 'update',
    kind: 'docker',
    key: options.bridge,
    reason,
    fields: [...fields],
    want: pick(want),
    have: pick(have),
  };
}
