/**
 * Owns the kinds of failure of a cloud, and how long each waits before the next try. A failure's message is one sentence for a person;
 * `code` keeps the cloud's own word. Which answer is of which kind is known by the driver (drivers/cloud/*).
 */

export type CloudFailureKind =
  /** Too many calls: of the whole account and region, so that all hosts must slow down. */
  | 'throttled'
  /** No room for another route. */
  | 'quota'
  /** Not permitted: `permission` names what is missing. */
  | 'denied'
  /** A table, instance or network that was named is not there. */
  | 'vanished'
  /** Somebody else's thing is in the way. */
  | 'conflict'
  /** The cloud will never take it so. */
  | 'invalid'
  /** No answer, or a fault of the cloud's own: worth another try. */
  | 'transient';

export interface CloudFailure {
  kind: CloudFailureKind;
  /** The cloud's own word: "RouteLimitExceeded", "QUOTA_EXCEEDED", "ETIMEDOUT"; "MISMATCH" for what it doesn't show after saying yes. */
  code: string;
  message: string;
  /** The IAM action or permission that is missing: "ec2:ReplaceRoute", "compute.routes.create". */
  permission?: string;
}

export const MISMATCH = 'MISMATCH';

/** What a driver rejects with. */
export class CloudError extends Error implements CloudFailure {
  readonly kind: CloudFailureKind;
  readonly code: string;
  readonly permission?: string;

  constructor({ kind, code, message, permission }: CloudFailure, cause?: unknown) {
    super(message, { cause });
    this.name = 'CloudError';
    this.kind = kind;
    this.code = code;
    if (permission !== undefined) this.permission = permission;
  }
}

/** Not by instanceof: drivers are in a bundle of their own, with a class of their own. */
export const isCloudError = (error: unknown): error is CloudError =>
  error instanceof Error && error.name === 'CloudError';

export const failureOf = ({ kind, code, message, permission }: CloudError): CloudFailure => ({
  kind,
  code,
  message,
  ...(permission === undefined ? {} : { permission }),
});

const SECOND = 1000;
/** Longest wait of all, ms. What a person has to mend is looked at this often, so that it comes right by itself afterwards. */
export const LONGEST_WAIT = 600 * SECOND;

const FIRST_WAIT: Record<CloudFailureKind, number> = {
  transient: 2 * SECOND,
  throttled: 30 * SECOND,
  vanished: 60 * SECOND,
  conflict: 300 * SECOND,
  quota: 300 * SECOND,
  denied: 300 * SECOND,
  invalid: LONGEST_WAIT,
};

/**
 * How long to wait after the `times`-th failure in a row, ms: doubled each time, and spread over half of its length, so that a thousand
 * hosts that were throttled together don't come back together. `random` is in [0, 1).
 */
export function cloudWait(kind: CloudFailureKind, times: number, random: number): number {
  const longest = Math.min(LONGEST_WAIT, FIRST_WAIT[kind] * 2 ** Math.min(times - 1, 16));
  return Math.round(longest * (0.5 + random / 2));
}

/** The one to wait for, if several things failed in one pass: what mends itself first is tried first. */
export const soonest = (kinds: readonly CloudFailureKind[]): CloudFailureKind | undefined =>
  [...kinds].sort((one, other) => FIRST_WAIT[one] - FIRST_WAIT[other])[0];
