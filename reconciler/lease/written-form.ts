/**
 * Owns the short way through a lease's value: the forms that flannel itself writes, which is what nearly all of a big network's are. A cold
 * start reads thousands of them, and config/lease.ts has to allow for everything that Go does. Whatever is in no such form takes that way;
 * both say the same of what is (tested).
 */
import type { LeaseAttrs } from '../../config/model.ts';
import { BACKEND_TYPES } from '../backends/index.ts';

const READERS = BACKEND_TYPES.flatMap(({ readWritten }) => readWritten ?? []);

/** What the value says, if it is in a form that flannel writes for a backend with a short way. */
export function readWrittenForm(value: string): LeaseAttrs | undefined {
  for (const read of READERS) {
    const attrs = read(value);
    if (attrs) return attrs;
  }
  return undefined;
}
