/** Owns the life of the daemon: the machine from its start until it has finished the change in hand. */
import { createActor } from 'xstate';
import { agentMachine } from './machine.ts';
import type { AgentServices } from './services.ts';

export interface Daemon {
  /** Resolves when the round in hand is finished and everything is stopped; rejects if the machine itself failed. */
  readonly done: Promise<void>;
  stop(): void;
  /** For how long the step of a round in hand has been going on, ms; 0 between rounds. */
  stepMs(): number;
  /** The step that the work on the host is in, and for how long, ms. */
  step(): { name: string; ms: number };
}

/** States in which nothing is in hand: it may rest there as long as it likes. */
const RESTING = ['idle', 'backingOff', 'stopping'];

/** `onStep` is called after each step of the machine. */
export function startDaemon(services: AgentServices, onStep: () => void = () => {}): Daemon {
  const actor = createActor(agentMachine, { input: { services } });
  let step = { name: 'idle', since: performance.now() };
  const done = new Promise<void>((resolve, reject) => {
    actor.subscribe({
      next: (snapshot) => {
        if (snapshot.value.work !== step.name) step = { name: snapshot.value.work, since: performance.now() };
        onStep();
        if (!snapshot.matches({ work: 'stopping' })) return;
        // Not from inside the machine's own step.
        queueMicrotask(() => {
          actor.stop();
          resolve();
        });
      },
      error: reject,
    });
  });
  actor.start();
  return {
    done,
    stop: () => actor.send({ type: 'STOP' }),
    step: () => ({ name: step.name, ms: performance.now() - step.since }),
    stepMs: () => (RESTING.includes(step.name) ? 0 : performance.now() - step.since),
  };
}
