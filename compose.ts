/**
 * The composition root: puts the drivers together for a command. With commands/ it is all that knows everybody.
 * What only some runs need is loaded only by them: the start of a repair run counts.
 */
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import type { NetworkConfig } from './config/model.ts';
import type { Options } from './config/options.ts';
import { openDocker } from './drivers/docker/driver.ts';
import { openEtcdV3 } from './drivers/etcd/source.ts';
import { AutoSource } from './drivers/etcd-auto/source.ts';
import { keyReadByAll } from './drivers/etcd-common/tls.ts';
import { openEtcdV2 } from './drivers/etcd-v2/source.ts';
import { createFileDriver } from './drivers/files/driver.ts';
import { readState } from './drivers/files/own-file.ts';
import { openFirewall } from './drivers/firewall/driver.ts';
import { mayAdministerNetwork } from './drivers/host/capabilities.ts';
import { hostClock } from './drivers/host/clock.ts';
import { surroundings } from './drivers/host/surroundings.ts';
import { readSysctl } from './drivers/host/sysctl.ts';
import { type NetlinkDriver, openNetlink } from './drivers/netlink/driver.ts';
import { openStateCache } from './drivers/state-cache/cache.ts';
import { FileSource } from './drivers/state-file/source.ts';
import { withUdpEngine } from './drivers/udp/driver.ts';
import { sectionOf } from './drivers/udp/section.ts';
import type { CloudDriver, CloudName } from './reconciler/cloud/model.ts';
import type { Host } from './reconciler/contracts/host.ts';
import type { Source } from './reconciler/contracts/source.ts';
import { dropsRouted } from './reconciler/firewall/docker-nft.ts';
import { CloudCompanion } from './states/cloud/companion.ts';
import type { Companion } from './states/companion.ts';
import type { AgentDeps, HostReader, Log } from './states/deps.ts';
import { DockerCompanion, type DockerDeps } from './states/docker.ts';
import { FirewallCompanion, type FirewallEyes } from './states/firewall.ts';
import { HostView } from './states/host-view.ts';
import { RunError } from './states/run-error.ts';
import { UdpCompanion } from './states/udp.ts';
import { WayCompanion } from './states/way.ts';

export function openStore({ etcd, leaseTtlSeconds, stateFile }: Options): Source {
  if (stateFile !== undefined) return new FileSource(stateFile, etcd.prefix);
  if (etcd.api === 'v3') return openEtcdV3(etcd);
  const v2 = openEtcdV2({ ...etcd, ttlSeconds: leaseTtlSeconds });
  return etcd.api === 'v2' ? v2 : new AutoSource(openEtcdV3(etcd), v2, etcd.prefix);
}

export async function composeDeps(options: Options, log: Log): Promise<AgentDeps> {
  const exposed = options.stateFile === undefined ? keyReadByAll(options.etcd) : undefined;
  if (exposed !== undefined) log.warn({}, exposed);
  const netlink = withUdpEngine(openNetlink(), {
    path: `${options.subnetFile}.udp.sock`,
    say: (text) => log.info({ kind: 'udp' }, text),
  });
  const firewall = openFirewall({ resyncMs: Math.max(1, options.firewall.resyncSeconds) * 1000 });
  const deps: AgentDeps = {
    options,
    log,
    clock: hostClock,
    random: Math.random,
    source: openStore(options),
    // A state file is there when the host is: it needs no copy.
    ...(options.stateCache === undefined || options.stateFile !== undefined
      ? {}
      : { stateCache: openStateCache(options.stateCache) }),
    drivers: [netlink, firewall, createFileDriver()],
    companions: [],
    host: hostReader(netlink, options),
    levelPass: () => () => {},
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    previousSubnetEnv: await readOrEmpty(options.subnetFile),
  };
  const udp = new UdpCompanion(async () => {
    const state = await netlink.engineState();
    return state && sectionOf(state);
  });
  return { ...deps, companions: [udp, ...(await openCompanions(deps, netlink, firewall))] };
}

function hostReader(netlink: NetlinkDriver, { etcd }: Options): HostReader {
  return {
    hostname: hostname(),
    facts: async () => ({ ...netlink.facts(), ...(await surroundings(etcd.endpoints)) }),
    nexthopObjects: () => netlink.supportsNexthops(),
    sysctl: readSysctl,
  };
}

/** This host as a member of the network; undefined where it has no uplink, or can't be asked. */
export async function lookAtHost(options: Options, config: NetworkConfig | undefined): Promise<Host | undefined> {
  const netlink = openNetlink();
  try {
    const view = new HostView({ options, host: hostReader(netlink, options) }, () => config);
    await view.refresh();
    return view.current;
  } catch {
    return undefined;
  } finally {
    await netlink.close();
  }
}

export async function closeAll({ source, drivers, companions }: AgentDeps): Promise<void> {
  for (const companion of companions) companion.close();
  await Promise.allSettled([source.close(), ...drivers.map((driver) => driver.close())]);
}

export function requirePermission(): void {
  if (mayAdministerNetwork()) return;
  throw new RunError(
    'denied',
    'selvage may not change links and routes here (CAP_NET_ADMIN is missing): run it as root, or give its unit AmbientCapabilities=CAP_NET_ADMIN. A drift report needs no permission.',
  );
}

/** In a bundle of its own (packaging/build.mjs): hosts of other backends don't read it. */
async function openCloud(cloud: CloudName): Promise<CloudDriver> {
  const { openCloudDriver } = await import('./drivers/cloud/open.ts');
  return openCloudDriver(cloud, process.env);
}

/** Opens the companions that are wanted, each with what it needs of the agent's own. */
async function openCompanions(deps: AgentDeps, netlink: NetlinkDriver, firewall: FirewallEyes): Promise<Companion[]> {
  const { options, clock, random, log } = deps;
  const cloud = new CloudCompanion(
    { clock, random, log, keepStale: options.keepStale, resyncMs: options.cloudResyncMs, open: openCloud },
    options.command === 'drift',
  );
  const companions: Companion[] = [
    cloud,
    new FirewallCompanion(deps, firewall),
    new WayCompanion(() => netlink.routing()),
  ];
  if (options.command === 'run' && !options.once && options.probeIntervalMs > 0)
    companions.push(await openProbes(deps));
  if (deps.options.docker.mode !== 'off')
    companions.push(
      new DockerCompanion(deps, { ...(await openDockerDeps(deps.options)), ...shutBy(deps.options, firewall) }),
    );
  return companions;
}

async function openProbes({ options, clock }: AgentDeps): Promise<Companion> {
  const { ProbeCompanion } = await import('./states/probe.ts');
  const { openProber } = await import('./drivers/probe/prober.ts');
  return new ProbeCompanion({ clock, everyMs: options.probeIntervalMs, prober: openProber() });
}

/** Only where daemon.json is ours to write does it matter whether Docker shuts other hosts out. */
function shutBy({ docker, firewall: { forwardRules } }: Options, firewall: FirewallEyes): Pick<DockerDeps, 'isShut'> {
  if (docker.mode !== 'daemon-json' || !forwardRules) return {};
  return { isShut: (subnet) => dropsRouted(firewall.see(), subnet) };
}

async function openDockerDeps({ docker, subnetFile }: Options): Promise<DockerDeps> {
  const { host, restart } = docker;
  const noteFile = join(dirname(subnetFile), 'selvage-docker-restart.json');
  const driver = openDocker({ host, restartCommand: restart.command, noteFile });
  if (!restart.window) return { driver };
  const { windowOf } = await import('./drivers/schedule/window.ts');
  const { checkCron } = await import('./drivers/schedule/cron-expression.ts');
  const { begins, durationMs } = restart.window;
  checkCron('docker-restart-window', begins, '"0 3 * * 6" is Saturdays at 3');
  return { driver, window: windowOf(begins, durationMs) };
}

/** What is no file of ours is not believed here either; the round says so. */
async function readOrEmpty(path: string): Promise<string> {
  const state = await readState(path).catch(() => undefined);
  return state?.what === 'file' ? state.bytes.toString('utf8') : '';
}
