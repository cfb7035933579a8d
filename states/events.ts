/** Owns what may wake the machine, and the names of its regions. */
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
  /** A lease that is not the one we have names this host. */
  | { type: 'SECOND_LEASE' }
  /** Some lease went away: there may be room. */
  | { type: 'LEASE_FREED' }
  /** This host can be reached in another way than its lease says: that may be published now. */
  | { type: 'PATH_BUILT' }
  /** The external interface or its address is another. */
  | { type: 'HOST_CHANGED' }
  /** Something falls due sooner or later than it did (retryDelayMs). */
  | { type: 'DUE_CHANGED' }
  | { type: 'STOP' };

export type Send = (event: AgentEvent) => void;

/** A region of the machine. */
export type Region = 'store' | 'lease' | 'work';
