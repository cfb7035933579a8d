/** Owns what ends a run because of how the host or the config is. `message` is one sentence that says what to do. */
import { EXIT, type ExitCode } from '../reconciler/report/exit-code.ts';

export class RunError extends Error {
  readonly exitCode: ExitCode;
  constructor(kind: 'denied' | 'invalid' | 'failed' | 'unavailable', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RunError';
    this.exitCode = EXIT[kind];
  }
}
