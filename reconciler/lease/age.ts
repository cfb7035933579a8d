/**
 * Owns which of two leases is the elder. Where two claim one thing the elder has it: it was there when the other came, and every host
 * can tell from the store alone, so that all come to the same answer.
 */
export interface Aged {
  key: string;
  createRevision: number;
}

/** Elder first. Keys made in one transaction have one revision; then the text decides. */
export const byAge = (a: Aged, b: Aged): number =>
  a.createRevision - b.createRevision || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
