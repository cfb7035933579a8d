/**
 * Owns when Docker may be restarted: only if that was asked for, never twice for one cause within the hold-off, and as policy and
 * maintenance window allow. Time is passed in.
 */
import type { DockerOptions } from '../../config/docker-options.ts';
import type { Engine, Restarted } from './contract.ts';

export interface WindowState {
  open: boolean;
  /** When it next opens, ms since epoch. Of no meaning while it is open. */
  opensAt: number;
}

/** A maintenance window at a moment, ms since epoch. */
export type Window = (now: number) => WindowState;

export interface RestartInput {
  restart: DockerOptions['restart'];
  engine: Engine;
  cause: string;
  restarted: Restarted | undefined;
  window: Window | undefined;
  now: number;
}

export type RestartVerdict =
  | { may: true }
  /** `why` completes "a restart is due …". `at`: when to ask again (ms since epoch), if time alone may change it. */
  | { may: false; why: string; at?: number };

/** A restart that did not help is tried again ever more rarely. */
const MOST_HOLDOFFS = 12;

export function mayRestart({ restart, engine, cause, restarted, window, now }: RestartInput): RestartVerdict {
  if (restart.policy === 'never')
    return { may: false, why: 'and is left to you (--docker-restart is never): systemctl restart docker' };

  const running = engine.containers.length;
  if (restart.policy === 'idle' && running > 0 && !engine.liveRestore) {
    const names = namesOf(engine.containers);
    return { may: false, why: `and waits until no container runs (--docker-restart is idle; running: ${names})` };
  }
  const holdoff = holdoffEnd(restart.holdoffMs, cause, restarted);
  const state = window?.(now) ?? { open: true, opensAt: now };
  if (!state.open && state.opensAt >= holdoff)
    return { may: false, why: `and waits for its window, at ${iso(state.opensAt)}`, at: state.opensAt };
  if (now < holdoff) {
    const before = `the last one for the same reason was at ${iso(restarted?.at ?? 0)}`;
    return { may: false, why: `and is held off until ${iso(holdoff)}: ${before}`, at: holdoff };
  }
  if (!state.open) return { may: false, why: `and waits for its window, at ${iso(state.opensAt)}`, at: state.opensAt };
  return { may: true };
}

/** Until when the last restart for that cause forbids another. A clock that was put back doesn't forbid it for ever. */
function holdoffEnd(holdoffMs: number, cause: string, restarted: Restarted | undefined): number {
  if (restarted?.cause !== cause) return Number.NEGATIVE_INFINITY;
  return restarted.at + holdoffMs * Math.min(MOST_HOLDOFFS, 2 ** Math.max(0, restarted.times - 1));
}

/** What is noted of a restart that begins now. */
export const noteOf = (cause: string, before: Restarted | undefined, now: number): Restarted => ({
  cause,
  at: now,
  times: before?.cause === cause ? before.times + 1 : 1,
});

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

const MOST_NAMES = 5;

/** "web, db and 3 more" */
export function namesOf(containers: readonly { name: string }[]): string {
  const names = containers.map(({ name }) => name).sort();
  const shown = names.slice(0, MOST_NAMES).join(', ');
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}
