/** Owns the look at this host for selvage doctor: all that its checks go by and no drift report has. Reads only; each part alone, so that one that fails takes no other with it. */
import type { Options } from '../../config/options.ts';
import type { Device, Endpoint, Facts, Look } from '../../reconciler/doctor/facts.ts';
import { tunnelPort } from '../../reconciler/doctor/firewall.ts';
import { keyReadByAll } from '../etcd-common/tls.ts';
import { openFirewall } from '../firewall/driver.ts';
import { mayAdministerNetwork } from '../host/capabilities.ts';
import { readSysctl } from '../host/sysctl.ts';
import { Client } from '../netlink/client.ts';
import { NetlinkSocket } from '../netlink/socket.ts';
import { cloudOf, daemonPid } from './agent.ts';
import { conntrack, neighbourTable, readCounters, udpPorts } from './counters.ts';
import { readDevices } from './devices.ts';
import { inputChains } from './input-chains.ts';
import { policiesTo } from './ipsec.ts';
import { learnedMtus } from './path-mtu.ts';
import { networkServices, processesHere } from './services.ts';

/** What the look that drift makes has come to. */
export type Seen = Pick<Facts, 'look' | 'failure' | 'leaseLeft'>;

/** `health`: what the members of etcd say of themselves (etcd-health.ts), which is waited for. */
export async function readFacts(options: Options, seen: Seen, health: Promise<Endpoint[]>): Promise<Facts> {
  const { etcd, stateFile, firewall, subnetFile, docker } = options;
  const { look } = seen;
  const permitted = mayAdministerNetwork();
  const peers = peersOf(look);
  const port = tunnelPort({ look } as Facts);
  const client = new Client(new NetlinkSocket({ receiveBuffer: 4 << 20 }));
  const sight = openFirewall({ resyncMs: 1000 });
  try {
    const devices = attempt<Device[]>(() => readDevices(client), []);
    const running = attempt(processesHere, new Set<string>());
    return {
      ...seen,
      now: Date.now(),
      options: {
        prefix: etcd.prefix,
        endpoints: stateFile === undefined ? etcd.endpoints : [],
        forwardRules: firewall.forwardRules,
        subnetFile,
        docker: docker.mode,
      },
      permitted,
      endpoints: await health,
      keyExposed: stateFile === undefined ? attempt(() => keyReadByAll(etcd), undefined) : undefined,
      devices,
      sysctl: readSysctl,
      counters: readCounters(),
      udpPorts: attempt(() => udpPorts(port === undefined ? [] : [port]), new Map<number, string>()),
      neighbourTable: neighbourTable(readSysctl),
      conntrack: conntrack(readSysctl),
      ipsec: permitted ? attempt(() => policiesTo(peers), undefined) : undefined,
      learnedMtus: attempt(() => learnedMtus(client, peers), new Map<string, number>()),
      ruleset: permitted ? attempt(() => sight.see(), undefined) : undefined,
      input:
        permitted && port !== undefined
          ? attempt(() => inputChains({ port, uplink: look?.host?.uplink.name ?? '' }), undefined)
          : undefined,
      services: networkServices(devices, running),
      agent: {
        selvage: attempt(() => daemonPid({ prefix: etcd.prefix, subnetFile }), undefined),
        flanneld: [...running].some((name) => name.startsWith('flanneld')),
      },
      cloud: cloudOf(),
      probed: undefined,
    };
  } finally {
    client.close();
    await sight.close();
  }
}

function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** Public addresses of the others. */
const peersOf = (look: Look | undefined): string[] =>
  (look?.leases ?? [])
    .filter(({ subnet }) => subnet !== look?.report.network.subnet)
    .map(({ attrs }) => attrs.publicIP);
