/**
 * Owns the six kinds of failure (docs/design.md#failures-are-of-six-kinds) and the one errno table that sorts the kernel's answers into them.
 * A failure's message is one sentence for a person; `code` and `cause` keep what the kernel said.
 */

export type FailureKind =
  /** Worth another try by itself: backed off per key. */
  | 'transient'
  /** Its link went away meanwhile: no failure; the link's event will bring us back. */
  | 'vanished'
  /** Somebody else's object is in the way: hold and report. */
  | 'conflict'
  /** Not permitted: says which capability is missing. */
  | 'denied'
  /** The kernel will never take it as it is: hold until the record changes. */
  | 'invalid'
  /** Ours to mend: an answer that should not be possible. */
  | 'bug';

export interface Failure {
  kind: FailureKind;
  /** errno name ("EEXIST"), or "MISMATCH" when the kernel said yes and the read-back says no. */
  code: string;
  message: string;
}

/** Why the store could not be asked; each has its exit code. */
export type StoreErrorKind =
  /** Can't be reached, no leader, timed out: try again. Exit 69. */
  | 'unavailable'
  /** Wrong user, password, certificate or no permission. Exit 77. */
  | 'denied'
  /** Can't ever work: bad endpoint, unreadable certificate file. Exit 78. */
  | 'invalid';
