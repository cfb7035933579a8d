/**
 * Owns what every script of the project stands on: where it is, how it says something, how it ends. Node built-ins only, for a fresh
 * clone has no node_modules.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A sentence for a person; the scripts print it without a stack and exit with `code`. */
export class SetupError extends Error {
  constructor(message, code = 1, options) {
    super(message, options);
    this.code = code;
  }
}

export const isRoot = () => process.getuid?.() === 0;

/** Fails with 77 (not permitted) if the lab can't run: `what` is the command that the person gave. */
export function needRoot(what) {
  if (process.platform !== 'linux') throw new SetupError(`${what} needs Linux: it makes network namespaces.`, 69);
  if (isRoot()) return;
  throw new SetupError(
    `${what} needs root, because it makes network namespaces and devices in them: run it as root, for example \`sudo ${what}\`.`,
    77,
  );
}

/** For what is timed: NODE_EXTRA_CA_CERTS costs Node 20 44 ms at every start, and only npm may need it. */
export function plainEnvironment() {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return env;
}

/** Whether the PATH has it. */
export function isCommand(name) {
  return process.env.PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Output goes to stderr: what `npm start` and others print on stdout stays theirs. Resolves with the exit code, -1 if it can't be started. */
export function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 2, 2] });
    child.once('error', () => resolve(-1));
    child.once('exit', (code) => resolve(code ?? -1));
  });
}

/** Runs `main` and ends the process with its number; a SetupError is one line, anything else keeps its stack. */
export async function script(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`selvage: ${error.message}\n`);
    process.exitCode = error.code;
  }
}
