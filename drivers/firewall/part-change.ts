/** Owns the form of a change of one part and of what came of it, for both engines. */
import type { Failure } from '../../reconciler/contracts/failure.ts';
import type { FirewallPart } from '../../reconciler/firewall/part.ts';

export type PartChange =
  | { op: 'create'; want: FirewallPart; have?: undefined }
  | { op: 'update'; want: FirewallPart; have: FirewallPart }
  | { op: 'delete'; want?: undefined; have: FirewallPart };

export interface PartOutcome {
  change: PartChange;
  result: 'done' | 'noop' | 'failed';
  failure?: Failure;
}

export const partOf = (change: PartChange): FirewallPart => change.want ?? change.have;
