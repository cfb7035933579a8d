/** Owns the seam between the machine (when) and the agent (how): what each region may ask for, and what all of them may. */
import type { Region } from './events.ts';
import type { LeaseServices } from './lease-services.ts';
import type { RoundServices } from './round-services.ts';
import type { StoreServices } from './store-services.ts';

export interface AgentServices {
  readonly store: StoreServices;
  readonly lease: LeaseServices;
  readonly work: RoundServices;

  /** Milliseconds; doubles with the number of failures, jittered. */
  backoffMs(failures: number, first: number, most: number): number;
  noteState(region: Region, state: string): void;
  noteFailure(region: Region, error: unknown): void;
}
