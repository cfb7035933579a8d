/**
 * Owns the exit codes (docs/design.md#the-answer), so that a script can tell what happened without reading text. 64 to 78 are
 * sysexits.h's.
 */
import { ConfigError, UsageError } from '../../config/errors.ts';
import type { StoreErrorKind } from '../contracts/failure.ts';
import type { Report } from '../contracts/report.ts';
import { StoreError } from '../contracts/source.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  drift: 2,
  usage: 64,
  unavailable: 69,
  denied: 77,
  invalid: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const OF_STORE_ERROR: Record<StoreErrorKind, ExitCode> = {
  unavailable: EXIT.unavailable,
  denied: EXIT.denied,
  invalid: EXIT.invalid,
};

/**
 * Of a report: 2 only where drift was looked for and found; 1 where something is unmet or failed; what kept the store from being asked
 * where that is all: the host is as its last good copy says, and nobody knows whether that still holds.
 */
export function exitCodeOfReport(
  report: Pick<Report, 'mode' | 'drift' | 'converged' | 'source' | 'summary'>,
): ExitCode {
  if (report.source.error && !report.summary.failed) return OF_STORE_ERROR[report.source.error.kind];
  if (report.mode === 'drift' && report.drift.length) return EXIT.drift;
  return report.converged ? EXIT.ok : EXIT.failed;
}

/** Of what ended a run. An errno of EPERM or EACCES is a missing permission. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof StoreError) return OF_STORE_ERROR[error.kind];
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof ConfigError) return EXIT.invalid;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPERM' || code === 'EACCES' ? EXIT.denied : EXIT.failed;
}

export const exitCodeOf = (end: Report | Error): ExitCode =>
  end instanceof Error ? exitCodeOfError(end) : exitCodeOfReport(end);
