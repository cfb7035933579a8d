/**
 * Owns the cloud driver of AWS: what the route tables have, and the calls that change them.
 *
 * - A route is replaced in place (ReplaceRoute), never deleted and made again: there is no moment without one.
 * - A read may be one write behind: a route that was seen and isn't there is made; one that wasn't seen and is there is for the plan to judge.
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
import { CredentialSource } from './credentials.ts';
import { Ec2 } from './ec2.ts';
import { Imds } from './imds.ts';
import { findPlace, findRegion } from './place.ts';
import { readTables } from './tables.ts';

export class AwsDriver implements CloudDriver {
  readonly #env: NodeJS.ProcessEnv;
  readonly #patience: Patience | undefined;
  readonly #imds: Imds;
  #ec2: Ec2 | undefined;

  constructor(env: NodeJS.ProcessEnv, patience?: Patience) {
    this.#env = env;
    this.#patience = patience;
    this.#imds = new Imds(env, patience);
  }

  async look(want: CloudWant, signal?: AbortSignal): Promise<CloudObserved> {
    const ec2 = await this.#open(signal);
    const place = await findPlace(ec2, this.#imds, want.address, signal);
    const { ids, routes, ranges, problems } = await readTables(ec2, place, want.tables, signal);
    const { eni, instance, vpc, sourceDestCheck } = place;
    const forwards = sourceDestCheck === undefined ? undefined : !sourceDestCheck;
    const self = { target: eni, name: `${eni} of ${instance}`, vpc, ranges, forwards };
    return { self, tables: ids, routes, problems: [...place.problems, ...problems] };
  }

  async apply(changes: readonly CloudChange[], signal?: AbortSignal): Promise<CloudOutcome[]> {
    const ec2 = await this.#open(signal);
    const outcomes: CloudOutcome[] = [];
    for (const change of changes) outcomes.push(await applyOne(ec2, change, signal));
    return outcomes;
  }

  async #open(signal: AbortSignal | undefined): Promise<Ec2> {
    if (this.#ec2) return this.#ec2;
    const env = this.#env;
    const region = await findRegion(env, this.#imds, signal);
    const credentials = new CredentialSource(env, this.#imds);
    this.#ec2 = new Ec2({ env, region, credentials, ...(this.#patience ? { patience: this.#patience } : {}) });
    return this.#ec2;
  }
}

async function applyOne(ec2: Ec2, change: CloudChange, signal: AbortSignal | undefined): Promise<CloudOutcome> {
  try {
    return { change, result: await carryOut(ec2, change, signal) };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    return { change, result: 'failed', failure: failureOf(error) };
  }
}

async function carryOut(ec2: Ec2, change: CloudChange, signal: AbortSignal | undefined): Promise<'done' | 'noop'> {
  if (change.op === 'delete') return deleteRoute(ec2, change.have, signal);
  const { want } = change;
  if (want.kind === 'source-dest-check') {
    const parameters = { NetworkInterfaceId: want.target, 'SourceDestCheck.Value': String(want.on) };
    const about = `the source/dest check of ${want.target}`;
    await ec2.call({ action: 'ModifyNetworkInterfaceAttribute', parameters, about, signal });
    return 'done';
  }
  try {
    await putRoute(ec2, change.op === 'create' ? 'CreateRoute' : 'ReplaceRoute', want, signal);
  } catch (error) {
    // The other way round, a route where none was seen, is for the plan: it may be somebody else's.
    if (change.op === 'create' || !isNoRoute(error)) throw error;
    await putRoute(ec2, 'CreateRoute', want, signal);
  }
  return 'done';
}

/** ReplaceRoute says it with InvalidParameterValue ("There is no route defined for … Use CreateRoute instead."), DeleteRoute with a code of its own. */
const isNoRoute = (error: unknown): boolean =>
  error instanceof CloudError &&
  (error.code === 'InvalidRoute.NotFound' ||
    (error.code === 'InvalidParameterValue' && /no route defined/i.test(error.message)));

async function putRoute(
  ec2: Ec2,
  action: 'CreateRoute' | 'ReplaceRoute',
  want: CloudRoute,
  signal: AbortSignal | undefined,
) {
  const { table, dst, target } = want;
  const parameters = { RouteTableId: table, DestinationCidrBlock: dst, NetworkInterfaceId: target };
  await ec2.call({ action, parameters, about: `the route for ${dst} in ${table}`, signal });
}

async function deleteRoute(ec2: Ec2, { table, dst }: CloudRoute, signal: AbortSignal | undefined) {
  const parameters = { RouteTableId: table, DestinationCidrBlock: dst };
  try {
    await ec2.call({ action: 'DeleteRoute', parameters, about: `the route for ${dst} in ${table}`, signal });
    return 'done';
  } catch (error) {
    if (isNoRoute(error)) return 'noop';
    throw error;
  }
}
