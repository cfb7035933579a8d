/**
 * Owns the Docker driver: what the engine says, its edges, and the restart. Everything but the restart only reads. What only a host with
 * Docker needs (HTTP, child processes) is loaded when it is needed: start-up counts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DockerDriver, RestartResult } from '../../reconciler/docker/contract.ts';
import type { RunningCommand } from './command.ts';
import { askEngine, parseEngineAddress } from './engine.ts';
import { EngineEvents } from './events.ts';
import { readNote, writeNote } from './note.ts';

/** How long an engine may take to answer after the command has ended: `systemctl restart` waits for it, others don't. */
const COMES_UP_MS = 30_000;
const LOOK_MS = 250;

interface DockerDriverOptions {
  /** unix:///PATH or tcp://HOST:PORT */
  host: string;
  restartCommand: string;
  /** Where the last restart is noted. */
  noteFile: string;
  /** ms; for tests. */
  commandTimeout?: number;
  comesUpMs?: number;
}

export function openDocker(options: DockerDriverOptions): DockerDriver {
  const address = parseEngineAddress(options.host);
  const running = new Set<RunningCommand>();
  let closed = false;

  async function comesUp(): Promise<RestartResult> {
    const end = performance.now() + (options.comesUpMs ?? COMES_UP_MS);
    for (;;) {
      const answer = await askEngine(address);
      if (answer.engine || closed) return { ok: true };
      if (performance.now() > end) {
        const why = answer.problem ? `: ${answer.problem}` : '';
        const message = `"${options.restartCommand}" succeeded, but no engine answers at ${options.host}${why}`;
        return { ok: false, message };
      }
      await sleep(LOOK_MS);
    }
  }

  async function run(): Promise<RestartResult> {
    const { runCommand } = await import('./command.ts');
    const command = runCommand(options.restartCommand, options.commandTimeout);
    running.add(command);
    const result = await command.done;
    running.delete(command);
    return result.ok ? comesUp() : result;
  }

  return {
    async look() {
      const [answer, restarted] = await Promise.all([askEngine(address), readNote(options.noteFile)]);
      const problem = answer.engine ? undefined : answer.problem;
      return { engine: answer.engine, restarted, problem };
    },
    async restart(note) {
      // A run from a timer beside a daemon: one of them restarts, the other waits for the same engine.
      const last = await readNote(options.noteFile);
      if (last?.cause === note.cause && last.times >= note.times) return comesUp();
      try {
        // First: a run that is killed in between must not do it again.
        await writeNote(options.noteFile, note);
      } catch (error) {
        const message = `${options.noteFile} can't be written (${(error as Error).message}), and without it Docker might be restarted again and again`;
        return { ok: false, message };
      }
      return run().catch((error: Error) => ({ ok: false, message: error.message }));
    },
    watch(changed) {
      const events = new EngineEvents(address, changed);
      events.start();
      return () => events.stop();
    },
    close() {
      closed = true;
      for (const command of running) command.letGo();
    },
  };
}
