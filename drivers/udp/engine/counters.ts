/** Owns what the data path counts: what went each way, and what it dropped and why. Plain fields, for the hot path adds to them. */

/** Why a packet was dropped, in words for a report and a metric's label. */
export const DROPS = {
  notIPv4: 'not IPv4',
  malformed: 'malformed',
  noRoute: 'no route',
  multicast: 'multicast',
  ttl: 'TTL exceeded',
  tooBig: 'too big',
  unreachable: 'host unreachable',
  refused: 'refused by the firewall',
  sendFailed: 'send failed',
  sendQueueFull: 'send queue full',
  deviceDown: 'device down',
  writeFailed: 'write failed',
} as const;
export type DropCause = keyof typeof DROPS;

export class Counters {
  /** Packets and bytes from containers to other hosts, as they went on the wire, and the system calls that took them. */
  sentPackets = 0;
  sentBytes = 0;
  sendMessages = 0;
  tunReads = 0;
  /** From other hosts to containers. */
  receivedPackets = 0;
  receivedBytes = 0;
  receivedBuffers = 0;
  tunWrites = 0;
  /** ICMP errors that were sent to containers. */
  icmpErrors = 0;
  /** Messages of several segments that the kernel refused, and which went singly. */
  sentSingly = 0;
  /** Messages that changed the peer table. */
  peerMessages = 0;
  readonly drops: Record<DropCause, number> = Object.fromEntries(
    Object.keys(DROPS).map((cause) => [cause, 0]),
  ) as Record<DropCause, number>;

  drop(cause: DropCause, packets = 1): void {
    this.drops[cause] += packets;
  }
}
