/** Owns the shape of what real packets have shown. Times in ms, sizes in bytes of an IPv4 packet with its header. */

/** answered: what was expected came back. silent: nothing within the time. Else an errno's name: it could not even be sent, or was refused. */
export type Echo = { result: 'answered'; ms: number } | { result: 'silent' } | { result: 'error'; error: string };

export interface PeerProbed {
  subnet: string;
  publicIP: string;
  /** The address on the overlay that packets were sent to. */
  target: string;
  /** ICMP echo over the overlay. */
  icmp: Echo;
  /** A SYN to a port that nobody listens on, over the overlay: "answered" is its RST. */
  tcp: Echo;
  /** The largest packet that was answered over the overlay; undefined: none was tried, or none came through. */
  pathMtu?: number;
  /** What the daemon there, if one probes, has come to when it was asked to reach this host. */
  back?: { icmp: Echo; tcp: Echo };
  /** ICMP echo to its public address. */
  underlay: Echo;
  /** The largest packet that was answered from there unfragmented; undefined: none was tried. */
  underlayMtu?: number;
}

export interface Probed {
  peers: readonly PeerProbed[];
  /** How many there are, of which those were asked. */
  of: number;
  /** Why none could be asked, as a sentence. */
  problem?: string;
  /** The MTU of the overlay's device: what is expected to pass. */
  mtu: number;
  /** What the underlay has to carry for that. */
  outerMtu: number;
  /** How much counters (facts.ts) grew meanwhile; those that did. */
  grown: Readonly<Record<string, number>>;
}
