/** Owns the contract of what is served: what a running daemon can be asked, as commands/served.ts gives it. */
import type { Report } from '../../reconciler/contracts/report.ts';
import type { Counts, Status } from '../../reconciler/contracts/status.ts';
import type { FleetDocument } from '../../reconciler/report/fleet.ts';

export interface StatusSource {
  status(): Status;
  counts(): Counts;
  /** How often the kernel's queue of events overflowed. */
  overruns(): number;
  /** Of the last round; undefined before the first. */
  report(): Report | undefined;
  /** `changed` is called when the status may be another; returns what stops that. */
  subscribe(changed: () => void): () => void;
  /** All hosts and what they say of themselves, as of the last half minute; undefined without --fleet. */
  fleet(): Promise<FleetDocument | undefined>;
  /** Told of a page that could not be made. */
  failure(error: unknown): void;
}
