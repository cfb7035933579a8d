/**
 * Owns the seam between the machine (when) and the agent (how): everything that the machine may ask for.
 * The synchronous ones read or set plain values and never throw; the asynchronous ones reject, and that is an event.
 */
import type { Scope } from '../reconciler/contracts/scope.ts';

export type AgentEvent =
  /** Something may have changed there. */
  | { type: 'EDGE'; scope: Scope }
  /** Another config is in force, or what the store has of it became readable, unreadable or is gone. */
  | { type: 'STORE_CONFIG' }
  /** The store has acknowledged the watch. */
  | { type: 'STORE_HEARD' }
  | { type: 'STORE_ENDED'; reason: string; message: string }
  /** The record of our own lease changed or went away. */
  | { type: 'OWN_LEASE' }
  /** Some lease went away: there may be room. */
  | { type: 'LEASE_FREED' }
  /** This host can be reached in another way than its lease says: that may be published now. */
  | { type: 'PATH_BUILT' }
  /** The external interface or its address is another. */
  | { type: 'HOST_CHANGED' }
  /** Something falls due sooner or later than it did (retryDelayMs). */
  | { type: 'DUE_CHANGED' }
  | { type: 'STOP' };

export type ConnectResult = { revision: number };
export type AcquireResult = 'held' | 'outOfSubnets' | 'waiting';
/** A region of the machine. */
export type Region = 'store' | 'lease' | 'work';
export type Send = (event: AgentEvent) => void;

export interface AgentServices {
  // Long-running; each returns what stops it.
  watchHost(send: Send): () => void;
  watchStore(send: Send): () => void;
  schedule(send: Send): () => void;

  connect(signal: AbortSignal): Promise<ConnectResult>;
  acquire(signal: AbortSignal): Promise<AcquireResult>;
  renew(): Promise<'renewed' | 'lost'>;

  // One round, in this order.
  read(): Promise<void>;
  plan(): Promise<{ changes: number }>;
  apply(): Promise<void>;
  verify(): Promise<void>;
  /** The round in hand failed: forget it; everything is dirty. */
  abandonRound(): void;

  markDirty(scope: Scope): void;
  markRetriesDirty(): void;
  hasWork(): boolean;
  configState(): 'missing' | 'invalid' | 'good';
  leaseWanted(): boolean;
  /** Our lease as the store has it: as we left it, changed by somebody, or gone (also: another host's). */
  leaseState(): 'same' | 'changed' | 'gone';

  /** Milliseconds from now; undefined: never. For the renewal 0 means that it is due. */
  renewDelayMs(): number | undefined;
  retryDelayMs(): number | undefined;
  /** Doubles with the number of failures, jittered. */
  backoffMs(failures: number, first: number, most: number): number;

  noteState(region: Region, state: string): void;
  noteFailure(region: Region, error: unknown): void;
  noteStoreEnded(reason: string, message: string): void;
}
