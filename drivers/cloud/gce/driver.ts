/**
 * Owns the cloud driver of Google Compute Engine: a route for each subnet, named as flannel names it.
 *
 * - Routes can't be changed: one that leads elsewhere is deleted and made anew. It misleads until then, so nothing is lost by that.
 * - Every write is waited for (an operation), and what was written is right only when a read shows it.
 */
import { CloudError, failureOf } from '../../../reconciler/cloud/failure.ts';
import type {
  CloudChange,
  CloudDriver,
  CloudObserved,
  CloudOutcome,
  CloudRoute,
  CloudWant,
} from '../../../reconciler/cloud/model.ts';
import type { Patience } from '../retrying.ts';
import { Compute } from './compute.ts';
import { Metadata } from './metadata.ts';
import { findPlace, type Place } from './place.ts';
import { rangesOf, routesOf } from './routes.ts';
import { TokenSource } from './token.ts';

/** flannel's own: between Google's default (1000) and none. */
const PRIORITY = 1000;

export class GceDriver implements CloudDriver {
  readonly #metadata: Metadata;
  readonly #compute: Compute;
  /** As last looked at: where writes go. */
  #place: Place | undefined;

  constructor(env: NodeJS.ProcessEnv, patience?: Patience) {
    this.#metadata = new Metadata(env, patience);
    const tokens = new TokenSource(env, this.#metadata);
    this.#compute = new Compute({ env, tokens, ...(patience ? { patience } : {}) });
  }

  async look(want: CloudWant, signal?: AbortSignal): Promise<CloudObserved> {
    const place = await findPlace(this.#compute, this.#metadata, want.address, signal);
    this.#place = place;
    const listed = await this.#compute.list({
      path: `projects/${place.project}/global/routes`,
      about: `the routes of ${place.project}`,
      signal,
    });
    const { network, target, instance, zone, canIpForward } = place;
    const ranges = rangesOf(listed, network);
    const self = { target, name: `${instance} in ${zone}`, vpc: network, ranges, forwards: canIpForward };
    return { self, tables: [network], routes: routesOf(listed, place), problems: [] };
  }

  async apply(changes: readonly CloudChange[], signal?: AbortSignal): Promise<CloudOutcome[]> {
    const outcomes: CloudOutcome[] = [];
    for (const change of changes) outcomes.push(await this.#applyOne(change, signal));
    return outcomes;
  }

  async #applyOne(change: CloudChange, signal: AbortSignal | undefined): Promise<CloudOutcome> {
    try {
      return { change, result: await this.#carryOut(change, signal) };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      return { change, result: 'failed', failure: failureOf(error) };
    }
  }

  async #carryOut(change: CloudChange, signal: AbortSignal | undefined): Promise<'done' | 'noop'> {
    if (change.op === 'delete') return this.#delete(change.have.name, signal);
    const { want } = change;
    if (want.kind !== 'cloud-route') throw new TypeError(`gce was given a ${want.kind}`);
    if (change.op === 'update') await this.#delete(want.name, signal);
    await this.#insert(want, signal);
    return 'done';
  }

  async #insert({ name, dst }: CloudRoute, signal: AbortSignal | undefined): Promise<void> {
    const { project, networkLink, instanceLink } = this.#place!;
    await this.#compute.write(project, {
      method: 'POST',
      path: `projects/${project}/global/routes`,
      body: { name, destRange: dst, network: networkLink, nextHopInstance: instanceLink, priority: PRIORITY, tags: [] },
      about: `the route ${name}`,
      signal,
    });
  }

  async #delete(name: string, signal: AbortSignal | undefined): Promise<'done' | 'noop'> {
    const { project } = this.#place!;
    try {
      const path = `projects/${project}/global/routes/${name}`;
      await this.#compute.write(project, { method: 'DELETE', path, about: `the route ${name}`, signal });
      return 'done';
    } catch (error) {
      if (error instanceof CloudError && error.kind === 'vanished') return 'noop';
      throw error;
    }
  }
}
