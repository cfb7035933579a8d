/**
 * A node:test reporter for the project's runner: one JSON line on descriptor 3 for each test that ended, so that what a test prints
 * stays apart. A skipped or todo test is a failed one here: a test that can't run must say so by failing.
 */
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';

function send(message) {
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(3, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function problem({ details, skip, todo }) {
  if (skip !== undefined && skip !== false) return `skipped: ${skip}`;
  if (todo !== undefined && todo !== false) return `todo: ${todo}`;
  return details.error && inspect(details.error.cause ?? details.error);
}

export default async function* report(events) {
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') path[data.nesting] = data.name;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const name = [...path.slice(0, data.nesting), data.name].join(' > ');
    const error = problem(data);
    // A suite is not a test; it counts only if it failed by itself, in a hook.
    if (data.details.type === 'suite' && (!error || data.details.error?.failureType === 'subtestsFailed')) continue;
    send({
      name,
      ms: data.details.duration_ms,
      error: type === 'test:fail' || error ? (error ?? 'failed') : undefined,
    });
  }
  yield '';
}
