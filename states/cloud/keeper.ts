/**
 * Owns keeping the cloud's routes: when a pass is due, what came of the last one, and what is held because of it.
 *
 * - No events come from a cloud. A pass is made at start, when what is wanted changes (lease, address, interface, tables), and every
 *   --cloud-resync, spread over half of that, so that a thousand hosts don't call at once.
 * - A pass that wrote is looked at again soon: another host may have cleaned up by what it had read before.
 * - One pass at a time; what fails waits by its kind (failure.ts), longer each time.
 */
import { type CloudFailure, cloudWait, failureOf, isCloudError, soonest } from '../../reconciler/cloud/failure.ts';
import {
  type CloudChange,
  type CloudDriver,
  type CloudName,
  type CloudOutcome,
  type CloudWant,
  cloudText,
  kindOf,
} from '../../reconciler/cloud/model.ts';
import * as say from '../../reconciler/cloud/sentences.ts';
import type { HeldEntry, Report } from '../../reconciler/contracts/report.ts';
import type { Clock, Log } from '../deps.ts';
import { cloudPass, type PassInput, type PassResult } from './pass.ts';

/** After a pass that wrote, ms. */
const SETTLE_MS = 20_000;

export interface KeeperDeps {
  clock: Clock;
  random: () => number;
  log: Log;
  keepStale: boolean;
  /** --cloud-resync, ms. */
  resyncMs: number;
  /** Loads the driver: only a network that needs one has it loaded. */
  open(cloud: CloudName): Promise<CloudDriver>;
}

type Leases = PassInput['leases'];

export class CloudKeeper {
  readonly #deps: KeeperDeps;
  #driver: { cloud: CloudName; driver: CloudDriver } | undefined;
  #want: CloudWant | undefined;
  /** What the last pass was made for. */
  #passedFor = '';
  #dueAt = 0;
  /** When that was reckoned, ms since the epoch. */
  #reckonedAt = 0;
  #failures = 0;
  #running = false;
  #inForce = false;
  #held: readonly HeldEntry[] = [];
  #news: Pick<Report, 'drift' | 'outcomes'> | undefined;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  /** What is wanted from now on. A host that leaves the cloud has its routes taken away by one more pass, before it is forgotten. */
  want(want: CloudWant | undefined): void {
    if (want) this.#want = want;
    else if (this.#want?.subnet !== undefined)
      this.#want = { ...this.#want, subnet: undefined, left: this.#want.subnet };
  }

  /** Whether there is anything to keep, or to take away. */
  get isConcerned(): boolean {
    return this.#want !== undefined;
  }

  /** The own subnet is reached by the cloud's routes, as the last pass has seen. */
  get inForce(): boolean {
    return this.#inForce && this.#signature === this.#passedFor;
  }

  get isDue(): boolean {
    if (!this.#want || this.#running) return false;
    return this.#signature !== this.#passedFor || this.#deps.clock.now() >= this.#due;
  }

  /** When the next pass is due though nothing happens, ms since the epoch. */
  get wakeAt(): number | undefined {
    return this.#want && !this.#running ? this.#due : undefined;
  }

  /** At once where the clock was set back since: how long was waited is not known then. */
  get #due(): number {
    return this.#deps.clock.now() < this.#reckonedAt ? 0 : this.#dueAt;
  }

  get held(): readonly HeldEntry[] {
    const { subnet, cloud } = this.#want ?? {};
    // What was found for another subnet or interface says nothing of this one.
    if (this.#signature === this.#passedFor) return this.#held;
    return subnet !== undefined && cloud !== undefined ? [say.underWay(cloud, subnet)] : [];
  }

  /** What the passes since the last call have found and done. */
  takeNews(): Pick<Report, 'drift' | 'outcomes'> {
    const news = this.#news ?? { drift: [], outcomes: [] };
    this.#news = undefined;
    return news;
  }

  /** One pass. Never rejects. `apply` false: it only looks. */
  async pass(leases: Leases, apply: boolean, signal?: AbortSignal): Promise<void> {
    const want = this.#want;
    if (!want) return;
    const signature = this.#signature;
    const { clock, keepStale } = this.#deps;
    this.#running = true;
    try {
      const driver = await this.#open(want.cloud);
      this.#take(want, await cloudPass({ driver, want, leases, keepStale, apply, clock, signal }));
      if (apply && leases().complete) this.#forgetLeft(signature);
    } catch (error) {
      if (!signal?.aborted) this.#take(want, failed(error));
    } finally {
      this.#running = false;
      this.#passedFor = signature;
    }
  }

  async #open(cloud: CloudName): Promise<CloudDriver> {
    if (this.#driver?.cloud !== cloud) this.#driver = { cloud, driver: await this.#deps.open(cloud) };
    return this.#driver.driver;
  }

  #take(want: CloudWant, result: PassResult): void {
    const { clock, random, resyncMs, log } = this.#deps;
    const failures = [result.failure, ...result.outcomes.map(({ failure }) => failure)].flatMap((one) => one ?? []);
    const kind = soonest(failures.map((failure) => failure.kind));
    this.#failures = kind === undefined ? 0 : this.#failures + 1;
    const wrote = result.outcomes.some((outcome) => outcome.result === 'done');
    const resync = resyncMs * (0.75 + random() / 2);
    const steady = wrote ? Math.min(SETTLE_MS, resync) : resync;
    const wait =
      kind === undefined ? steady : Math.min(cloudWait(kind, this.#failures, random()), steadyOr(resyncMs, kind));
    this.#reckonedAt = clock.now();
    this.#dueAt = this.#reckonedAt + wait;
    this.#held = [...result.held, ...heldOf(want, result, Math.round(wait / 1000))];
    if (result.failure === undefined) this.#inForce = result.inForce;
    this.#news = { drift: result.drift.map(driftOf), outcomes: result.outcomes.map(outcomeOf) };
    for (const { change } of result.outcomes.filter((outcome) => outcome.result === 'done'))
      log.info({ cloud: want.cloud, key: change.key }, `${told(change)}: ${change.reason}.`);
  }

  /** Left, and nothing of ours is there any more. */
  #forgetLeft(signature: string): void {
    if (this.#want?.subnet === undefined && this.#failures === 0 && signature === this.#signature)
      this.#want = undefined;
  }

  get #signature(): string {
    return JSON.stringify(this.#want ?? null);
  }
}

/** A person who has mended a policy or a quota waits no longer than for a steady pass. */
const steadyOr = (resyncMs: number, kind: CloudFailure['kind']): number =>
  kind === 'throttled' ? Number.POSITIVE_INFINITY : Math.max(resyncMs, 1000);

function heldOf({ cloud }: CloudWant, { failure, outcomes }: PassResult, seconds: number): HeldEntry[] {
  if (failure) return [say.passFailed(cloud, failure, seconds)];
  return outcomes.flatMap(({ change, failure: one }) =>
    one ? say.changeFailed(kindOf(change), change.key, one, seconds) : [],
  );
}

/** A driver that could not be loaded, or a bug: told like any failure, and tried again. */
function failed(error: unknown): PassResult {
  const known = isCloudError(error) ? failureOf(error) : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const failure: CloudFailure = known ?? {
    kind: 'invalid',
    code: 'BUG',
    message: `The cloud could not be looked at (${message}).`,
  };
  return { drift: [], outcomes: [], held: [], inForce: false, failure };
}

const driftOf = (change: CloudChange): Report['drift'][number] => {
  const { op, key, reason } = change;
  const kind = kindOf(change);
  const text = cloudText(change.op === 'delete' ? change.have : change.want);
  if (change.op === 'create') return { op, kind, key, text, reason, want: change.want };
  if (change.op === 'delete') return { op, kind, key, text, reason, have: change.have };
  return { op, kind, key, text, reason, fields: change.fields, want: change.want, have: change.have };
};

const outcomeOf = ({ change, result, failure }: CloudOutcome): Report['outcomes'][number] => ({
  kind: kindOf(change),
  key: change.key,
  op: change.op,
  result,
  ...(failure ? { error: failure.message } : {}),
});

const VERBS = { create: 'Made', update: 'Changed', delete: 'Deleted' } as const;
const told = (change: CloudChange): string =>
  `${VERBS[change.op]} ${kindOf(change) === 'cloud-route' ? 'the cloud route' : 'the source/dest check of'} ${change.key}`;
