/**
 * Owns the making of changes: encodes them, sends them in batches, and turns each answer of the kernel into an outcome.
 *
 * - Creates are exclusive and updates replace; nothing else tells a place that is ours from one that is taken.
 * - "Exists already" is looked into: the same is a noop, a dynamic entry is replaced, anything else is a conflict and stays untouched.
 * - "Gone already" is what a delete wanted.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type Change, type Outcome, resourceOf } from '../../reconciler/contracts/driver.ts';
import type { Failure } from '../../reconciler/contracts/failure.ts';
import { describe, type Have, idOf, nameOf, type Resource } from '../../reconciler/kinds/index.ts';
import type { Client, Reply } from './client.ts';
import { Devices } from './device-index.ts';
import { EEXIST, EINVAL, ENODEV, failureOf, isGone } from './errno.ts';
import { type Op, wireOf } from './kinds/index.ts';
import { applyLink } from './link-changes.ts';
import { readIds } from './list.ts';
import type { Monitor } from './monitor.ts';
import { Reader } from './reader.ts';
import { Relevance } from './relevance.ts';
import { serves } from './serves.ts';

/** Some 15 ms of the kernel's time: after as many the rest of the process gets a turn. */
const SLICE = 4000;

interface ApplyContext {
  client: Client;
  netns: string | undefined;
  /** The ears on the same namespace. */
  monitors: Iterable<Monitor>;
}

/** One message to the kernel, for the change at `at`. */
interface Message {
  at: number;
  op: Op;
  resource: Resource;
  index: number;
}

export async function apply(context: ApplyContext, changes: Change[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = changes.map((change) => ({ change, result: 'done' }));
  let from = 0;
  for (let to = 1; to <= changes.length; to++) {
    if (to < changes.length && to - from < SLICE && !isLink(changes[from]!) && !isLink(changes[to]!)) continue;
    applySlice(context, outcomes, from, to);
    from = to;
    if (to < changes.length) await turn();
  }
  return outcomes;
}

const isLink = (change: Change): boolean => resourceOf(change).kind === 'link';

function applySlice(context: ApplyContext, outcomes: Outcome[], from: number, to: number): void {
  const only = outcomes[from]!;
  if (isLink(only.change)) {
    const result = applyLink(context.client, only.change, context.netns);
    if (result === 'noop') only.result = 'noop';
    else if (result) fail(only, result);
    return;
  }
  const messages = prepare(context, outcomes, from, to);
  const taken: Outcome[] = [];
  for (const [message, reply] of send(context, messages)) settle(outcomes[message.at]!, message.op, reply, taken);
  if (taken.length > 0) lookInto(context, taken);
}

/** Resolves devices; a change whose device is gone is settled without asking. */
function prepare({ client }: ApplyContext, outcomes: Outcome[], from: number, to: number): Message[] {
  const devices = new Devices(client);
  const messages: Message[] = [];
  for (let at = from; at < to; at++) {
    const outcome = outcomes[at]!;
    const { change } = outcome;
    const resource = resourceOf(change);
    const dev = deviceOf(resource);
    const index = dev ? devices.index(dev) : 0;
    if (!wireOf(resource.kind)?.write)
      fail(outcome, failureOf(EINVAL, '', nameOf(resource), `netlink makes no ${resource.kind}`));
    else if (dev && index === 0) settle(outcome, change.op, devices.trouble ?? { errno: ENODEV, extack: '' }, []);
    else if (change.op !== 'update') messages.push({ at, op: change.op, resource, index });
    else if (!change.recreate) messages.push({ at, op: 'replace', resource, index });
    else {
      const old = deviceOf(change.have);
      messages.push({ at, op: 'delete', resource: change.have, index: old ? devices.index(old) : 0 });
      messages.push({ at, op: 'create', resource, index });
    }
  }
  return messages;
}

const deviceOf = (resource: Resource): string => wireOf(resource.kind)?.deviceOf(resource) ?? '';

/** Sends all, and returns those that failed, with what the kernel said. */
function send({ client, monitors }: ApplyContext, messages: Message[]): [Message, Reply][] {
  const failed = client.batch(
    messages.length,
    (w, i) => {
      const message = messages[i]!;
      for (const { echoes } of monitors) echoes.expect(message.op, message.resource, message.index);
      wireOf(message.resource.kind)?.write?.(w, message.op, message.resource, message.index);
    },
    () => {
      for (const monitor of monitors) monitor.drainSoon();
    },
  );
  return [...failed].map(([i, reply]) => [messages[i]!, reply]);
}

const DONE_TO = { create: 'created', update: 'changed', replace: 'changed', delete: 'removed' } as const;

/** Turns an error into the outcome; what was refused because its place is taken goes to `taken` for a second look. */
function settle(outcome: Outcome, op: Op | 'update', reply: Reply, taken: Outcome[]): void {
  const { change } = outcome;
  if (op === 'delete' && isGone(reply.errno, reply.extack)) {
    if (change.op === 'delete') outcome.result = 'noop';
  } else if (reply.errno === EEXIST) {
    taken.push(outcome);
  } else {
    const resource = resourceOf(change);
    fail(outcome, failureOf(reply.errno, reply.extack, `${nameOf(resource)} was not ${DONE_TO[op]}`));
  }
}

function fail(outcome: Outcome, failure: Failure): void {
  outcome.result = 'failed';
  outcome.failure = failure;
}

/** Reads what stands where these should be made. */
function lookInto(context: ApplyContext, taken: Outcome[]): void {
  const found = occupants(context.client, taken);
  const again: Message[] = [];
  const devices = new Devices(context.client);
  taken.forEach((outcome, at) => {
    const want = resourceOf(outcome.change);
    const have = found.get(idOf(want));
    const what = `${nameOf(want)} was not created`;
    if (!have) fail(outcome, { ...failureOf(EEXIST, '', what, GONE_AGAIN), kind: 'transient' });
    else if (serves(have, want)) outcome.result = 'noop';
    else if (wireOf(have.kind)?.isDynamic?.(have)) {
      again.push({ at, op: 'replace', resource: want, index: devices.index(deviceOf(want)) });
    } else fail(outcome, failureOf(EEXIST, '', what, `${describe(have)} is in its place; remove that or leave it`));
  });
  for (const [{ at }, reply] of send(context, again)) {
    const outcome = taken[at]!;
    fail(outcome, failureOf(reply.errno, reply.extack, `${nameOf(resourceOf(outcome.change))} was not created`));
  }
}

const GONE_AGAIN = 'what was in its place is gone again; it is tried again';

/** What stands in the places that were taken, by id; of several the effective one. */
function occupants(client: Client, taken: Outcome[]): Map<string, Have> {
  const reader = new Reader(client, new Relevance({ networks: [], devices: [], uplink: '', files: [] }));
  const ids = taken.map(({ change }) => idOf(resourceOf(change)));
  const found = new Map<string, Have>();
  for (const have of readIds(reader, ids, true)) if (!found.has(idOf(have))) found.set(idOf(have), have);
  return found;
}
