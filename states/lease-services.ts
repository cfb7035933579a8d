/** Owns what the machine's lease region may ask for. The synchronous ones read plain values and never throw; a rejection is an event to the machine. */

/** `blocked`: no lease is taken while something stands in the way of this host's devices. `waiting`: there is nothing to take; no usable config, or with --lease adopt no lease for this host yet. */
export type AcquireResult = 'held' | 'outOfSubnets' | 'blocked' | 'waiting';

export interface LeaseServices {
  /** Makes sure of our lease: reuses, rewrites or creates it. @throws StoreError */
  acquire(signal?: AbortSignal): Promise<AcquireResult>;
  /** @throws StoreError */
  renew(): Promise<'renewed' | 'lost'>;
  leaseWanted(): boolean;
  /** Our lease as the store has it: as we left it, changed by somebody, or gone (also: another host's). */
  leaseState(): 'same' | 'changed' | 'gone';
  /** Milliseconds from now; 0: it is due; undefined: never. */
  renewDelayMs(): number | undefined;
}
