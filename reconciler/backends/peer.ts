/** Owns what is asked of every peer's lease, whatever the backend, and the form of a hold on one. */
import { foreign } from '../../config/foreign-text.ts';
import { contains, formatIp } from '../../config/ipv4.ts';
import type { Lease } from '../../config/model.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { BackendContext, PeerWants } from './backend.ts';

export function peerEntry(lease: Lease, why: string, detail: string, unmet = false): HeldEntry {
  return { kind: 'peer', key: lease.subnet, why, detail, unmet };
}

export const hold = (lease: Lease, why: string, detail: string): PeerWants => ({
  held: peerEntry(lease, why, detail),
  unreadable: false,
});

/**
 * The lease is of a backend that this host has no path for. `type`: the network's. It may be on its way to this one, or this host may be late:
 * what is there for it stays, as flannel leaves it.
 */
export function otherBackend(lease: Lease, type: string): PeerWants {
  const { backendType, publicIP } = lease.attrs;
  const theirs = backendType
    ? `the backend ${foreign(backendType)}`
    : 'a backend that names itself nowhere (udp and alloc do so)';
  const detail = `${lease.subnet} is of ${theirs}, and this network's is ${type}; what this host has for it stays as it is; restart the agent on ${publicIP}.`;
  return { held: peerEntry(lease, 'other backend', detail), unreadable: false, elsewhere: true };
}

export function outsideNetwork({ config }: BackendContext, lease: Lease): PeerWants | undefined {
  const { subnet, attrs } = lease;
  if (contains(config.network, subnet)) return undefined;
  const detail = `${subnet} of ${attrs.publicIP} is outside the network ${config.network}; its host has not followed a change of the config: restart the agent there.`;
  return hold(lease, 'outside the network', detail);
}

/** What is wrong with the address at which a lease says that its host is. */
export function badAddress({ host, own }: BackendContext, lease: Lease): PeerWants | undefined {
  const { subnet, attrs } = lease;
  const { publicIP } = attrs;
  if (publicIP === host.publicIP || publicIP === host.uplink.address) {
    const detail = `${subnet} has this host's own address ${publicIP}, but this host's lease is ${own.subnet}; if no other host is behind that address, delete ${lease.key}.`;
    return hold(lease, 'own address', detail);
  }
  if (publicIP === formatIp(0)) {
    const detail = `The lease of ${subnet} does not say where its host is (PublicIP); restart the agent that holds it.`;
    return hold(lease, 'no address', detail);
  }
  return undefined;
}
