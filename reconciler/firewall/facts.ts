/** Owns the shape of what must be known of an instance to know which rules its host should have. Collected by the agent, from the plan's own data. */
import type { Tag } from './part.ts';

/** A flannel network, and this host's part of it. CIDRs. */
export interface Range {
  network: string;
  subnet: string;
}

export interface FirewallFacts {
  tag: Tag;
  /** The etcd prefix, to be told to people who look at the table. */
  prefix: string;
  /** The one in force first, then earlier ones in which something on this host still lives. */
  ranges: readonly Range[];
  /** Names of the tunnels that peers' packets come over. */
  tunnels: readonly string[];
  /** The external interface, if peers are reached over it without a tunnel; undefined if none can be. */
  direct: string | undefined;
  /** Public IPs of those peers. */
  directPeers: readonly string[];
  ipMasq: boolean;
  fullyRandom: boolean;
  forwardRules: boolean;
}
