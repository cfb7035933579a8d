/**
 * Owns what is said where a lease may be two hosts': clones, and hosts behind a NAT that all have 10.0.2.15. etcd knows a host by its
 * public IP alone, so that two with the same one share a lease, and each sees nothing wrong.
 */
import type { Lease, LeaseAttrs } from '../../config/model.ts';
import { identityOf } from '../backends/index.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { isPermanent } from '../contracts/source.ts';

/** By which a process that has just started knows a lease for this host's own. */
export interface Traces {
  /** "10.5.34.0/24": of subnet.env, and of the last good copy. */
  subnets: readonly string[];
  /** Of this host's own devices (BackendType.identityOf). */
  identities: ReadonlySet<string>;
}

const CURE = 'give each host an address of its own with --iface or --public-ip';

/** A lease that is taken over because it names our public IP, and for no other reason. A reservation that no host has used yet is meant so. */
export function takenOverByAddress(lease: Lease, { subnets, identities }: Traces): HeldEntry | undefined {
  const { key, subnet, attrs } = lease;
  const identity = identityOf(attrs);
  if (subnets.includes(subnet) || (identity !== undefined && identities.has(identity))) return undefined;
  if (isPermanent(lease) && identity === undefined) return undefined;
  const detail = `The lease ${subnet} is taken over because it names this host's public IP ${attrs.publicIP}, though nothing on this host shows that it was here before; if another host has that address too (a clone, or behind a NAT), both use one subnet: ${CURE}.`;
  return { kind: 'lease', key, why: 'taken over by its address', detail, unmet: false };
}

/** A lease that is ours by its MAC, and names an address that is not this host's. `addresses`: this host's. */
export function namedAnother(have: Lease, publicIP: string, addresses: readonly string[]): HeldEntry | undefined {
  const { key, subnet, attrs } = have;
  const named = attrs.publicIP;
  if (named === publicIP || addresses.includes(named)) return undefined;
  const detail = `The lease ${subnet} named ${named}, and is rewritten to name this host's public IP ${publicIP}, because its VTEP MAC ${identityOf(attrs)} is this host's; if there is a host at ${named}, one of the two is a copy of the other and both write this lease in turn: delete flannel's device and subnet.env there, and restart the agent.`;
  return { kind: 'lease', key, why: 'named another host', detail, unmet: false };
}

/** Our lease, as another has written it while we had it: what we left, and what there is. A run beside us names one of our addresses, and our MAC. */
export function writtenOver(
  { key, subnet, attrs }: Lease,
  now: LeaseAttrs,
  addresses: readonly string[],
): HeldEntry | undefined {
  const [before, after] = [identityOf(attrs), identityOf(now)];
  const isMoved = now.publicIP !== attrs.publicIP && !addresses.includes(now.publicIP);
  const isOther = before !== undefined && after !== undefined && before !== after;
  if (!isMoved && !isOther) return undefined;
  const what = isMoved
    ? `its public IP is ${now.publicIP} now, and was ${attrs.publicIP}`
    : `its VTEP MAC is ${after} now, and was ${before}`;
  const detail = `This host's lease ${subnet} was written by somebody else: ${what}; if another host uses it too (a clone, or one with the same public IP), ${CURE}.`;
  return { kind: 'lease', key, why: 'written by another host', detail, unmet: false };
}
