/** Owns what an engine's error means to a round: which of the six kinds of failure it is. */
import type { Failure, FailureKind } from '../../reconciler/contracts/failure.ts';
import { EngineError } from './open-tun.ts';

const KINDS: Record<string, FailureKind> = { EPERM: 'denied', EACCES: 'denied' };

export function failureOfEngine(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof EngineError)) return { kind: 'bug', code: 'ENGINE', message };
  const code = error.code ?? 'ENGINE';
  // A port or a device that another program has may be free at any moment, and nothing tells of a port.
  return { kind: KINDS[code] ?? 'transient', code, message };
}
