/** Owns running the command that restarts Docker: by the shell, with an end, and its output kept for the sentence if it fails. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { RestartResult } from '../../reconciler/docker/contract.ts';

/** Longer than systemd gives a unit to stop (90 s). */
const COMMAND_MS = 150_000;
const MAX_OUTPUT = 500;
const DRAIN_MS = 200;

export interface RunningCommand {
  done: Promise<RestartResult>;
  /** From now on this process may end before the command does, which goes on. */
  letGo(): void;
}

/** `done` never rejects. After `timeoutMs` the command and all that it has started is killed. */
export function runCommand(command: string, timeoutMs = COMMAND_MS): RunningCommand {
  const notRun = (error: unknown): RestartResult => ({
    ok: false,
    message: `"${command}" could not be run: ${error instanceof Error ? error.message : String(error)}`,
  });
  let child: ChildProcess;
  try {
    // A process group of its own, to be killed as one.
    child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  } catch (error) {
    return { done: Promise.resolve(notRun(error)), letGo() {} };
  }
  // Where no more files can be opened there are none, whatever the types say; "error" follows.
  const streams = [child.stdout, child.stderr].flatMap((stream) => stream ?? []);
  let output = '';
  for (const stream of streams)
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4 * MAX_OUTPUT)));

  let timer: NodeJS.Timeout | undefined;
  const done = new Promise<RestartResult>((resolve) => {
    let timedOut = false;
    timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve(notRun(error));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      const finish = (): void => {
        clearTimeout(drained);
        for (const stream of streams) stream.destroy();
        if (code === 0) return resolve({ ok: true });
        const how = timedOut
          ? `did not end in ${timeoutMs / 1000} s and was killed`
          : signal
            ? `was ended by ${signal}`
            : `failed with exit code ${code}`;
        resolve({ ok: false, message: `"${command}" ${how}${said(output)}` });
      };
      // What it has left running in the background may keep its output open.
      const drained = setTimeout(finish, DRAIN_MS);
      child.once('close', finish);
    });
  });
  const letGo = (): void => {
    clearTimeout(timer);
    child.unref();
    for (const stream of streams) stream.destroy();
  };
  return { done, letGo };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // it has just ended
  }
}

/** The last words of a command, as the end of a sentence. */
function said(output: string): string {
  const words = output.trim().replace(/\s+/g, ' ');
  if (words === '') return '';
  return `: ${words.length > MAX_OUTPUT ? `…${words.slice(-MAX_OUTPUT)}` : words}`;
}
