/** Owns the life of the daemon: the machine from its start until it has finished the change in hand. */
import { createActor } from 'xstate';
import { agentMachine } from './machine.ts';
import type { AgentServices } from './services.ts';

export interface Daemon {
  /** Resolves when the round in hand is finished and everything is stopped; rejects if the machine itself failed. */
  readonly done: Promise<void>;
  stop(): void;
}

export function startDaemon(services: AgentServices): Daemon {
  const actor = createActor(agentMachine, { input: { services } });
  const done = new Promise<void>((resolve, reject) => {
    actor.subscribe({
      next: (snapshot) => {
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
  return { done, stop: () => actor.send({ type: 'STOP' }) };
}
