/**
 * Owns one test file's process: starts it, gathers what its tests say, ends it if it hangs.
 *
 * - It is the leader of a process group. To end it is SIGTERM to it alone, so that its clean-up runs (namespaces, servers), and
 *   SIGKILL to the whole group if it then doesn't go.
 * - It gets SIGTERM by itself if the runner dies.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { plainEnvironment, root } from '../../packaging/script.mjs';

const reporter = fileURLToPath(new URL('./reporter.mjs', import.meta.url));
const SETPRIV = '/usr/bin/setpriv';
/** A file may take this long, if nothing else is said, and this long to clean up when told to end. */
const LIMIT_MS = 600_000;
const CLEAN_UP_MS = 20_000;
const KEPT_OUTPUT = 16_384;

/** Starts `file`; `onTest` sees each test as it ends. `done` never rejects: whatever goes wrong is a failed test of this file. */
export function runFile(file, onTest, limitMs = LIMIT_MS) {
  const node = [process.execPath, '--import', 'tsx', `--test-reporter=${reporter}`, file];
  const command = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'TERM', ...node] : node;
  const child = spawn(command[0], command.slice(1), {
    cwd: root,
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });

  const tests = [];
  let output = '';
  let ending; // why it is being ended
  const keep = (text) => {
    output = (output + text).slice(-KEPT_OUTPUT);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);

  const timers = [];
  const end = (why) => {
    if (ending) return;
    ending = why;
    child.kill('SIGTERM');
    timers.push(setTimeout(killGroup, CLEAN_UP_MS, child.pid));
  };
  const tooLong = () => {
    const last = tests.at(-1)?.name;
    const where =
      last === undefined
        ? 'no test has ended'
        : `the last test that ended is "${last}"; if no other is left, something is still open`;
    end(`took longer than ${limitMs / 1000} s: ${where}`);
  };
  timers.push(setTimeout(tooLong, limitMs));

  createInterface({ input: child.stdio[3] }).on('line', (line) => {
    const test = JSON.parse(line);
    tests.push(test);
    onTest(test);
  });

  const done = new Promise((resolve) => {
    child.once('error', (error) => keep(`${error}\n`));
    child.once('exit', () => {
      // A grandchild may still hold the pipes.
      setTimeout(() => {
        for (const stream of child.stdio) stream?.destroy();
      }, 500).unref();
    });
    child.once('close', (code, signal) => {
      for (const timer of timers) clearTimeout(timer);
      const failed = tests.some((test) => test.error);
      const how = ending ?? (signal ? `was ended by ${signal}` : `exited with code ${code}`);
      if (ending || (code !== 0 && !failed)) tests.push({ name: 'the file itself', ms: 0, error: how });
      else if (tests.length === 0) tests.push({ name: 'the file itself', ms: 0, error: 'has no tests' });
      resolve({ tests, output });
    });
  });
  return { done, end, kill: () => killGroup(child.pid) };
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // already gone
  }
}
