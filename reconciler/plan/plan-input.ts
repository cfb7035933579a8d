/** Owns what a plan is made from: the wants and haves of one scope, and what is known beside them. */
import type { Cidr } from '../../config/ipv4.ts';
import type { Listing } from '../contracts/driver.ts';
import type { Have, Route, Want } from '../kinds/index.ts';
import type { KeepStale, Knowledge } from './gates.ts';
import type { RetryView } from './hold.ts';
import type { OwnershipContext } from './ownership.ts';

export interface PlanInput extends OwnershipContext, Knowledge {
  /** What should be, inside the scope (Desired.restrict): a part of `desired`. */
  wants: ReadonlyMap<string, Want>;
  /** What is, inside the scope. */
  haves: readonly Have[];
  /** What the listing could not read (driver.ts). */
  unread?: Listing['unread'];
  /** Whether the kernel has nexthop objects (≥ 5.3). */
  nexthopObjects: boolean;
  /** Whether a route that has to be made is to have a plain gateway; left out: none (route-form.ts). */
  prefersPlain?: (route: Route) => boolean;
  retry: RetryView;
  keepStale?: KeepStale;
  /** Whether what lies in a range would cut the host off: then it goes without complete knowledge. */
  cutsOff?: (range: Cidr) => boolean;
  /** --keep-stale: what nobody wants is reported and stays. */
  reportStale?: boolean;
}
