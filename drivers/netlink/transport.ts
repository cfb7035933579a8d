/**
 * Owns the contract between netlink's requests and the socket that carries them: datagrams, and errors as numbers.
 *
 * - Nothing here throws but `reopen`: results below zero are −errno, so that every fault can be injected by a wrapper in tests.
 * - rtnetlink works off a request inside `send`, so its answers are there when `send` returns: `receive` never waits.
 */
export interface Transport {
  /** nlmsg_pid that the kernel stamps on events of our requests; 0 while the socket is not open. Changes when it is reopened. */
  readonly portId: number;
  /** Sends `length` bytes as one datagram. Bytes sent, or −errno: then the kernel has worked off none of it. */
  send(data: Uint8Array, length: number): number;
  /** Full length of the next datagram (also if that is more than fits into `into`), −EAGAIN if there is none, or −errno. */
  receive(into: Uint8Array): number;
  /** A new socket in place of the old: whatever is still queued or half dumped is gone. Throws if there can't be one. */
  reopen(): void;
  close(): void;
}
