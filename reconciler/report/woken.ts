/** Owns the words for what made a round begin: for `selvage status` and for the page, which takes nothing else of a report's code. */
import type { Waker } from '../contracts/status.ts';

export const WOKEN: Readonly<Record<Waker, string>> = {
  start: 'the start',
  store: 'the store',
  host: 'this host',
  schedule: 'the schedule',
  due: 'a time that was due',
  companion: 'what runs beside it',
  lease: 'our lease',
  failure: 'a round that failed',
};
