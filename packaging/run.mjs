/**
 * Runs a TypeScript program of this checkout straight after a clone: sets up, builds, starts it.
 *
 *   node packaging/run.mjs "npm start" FILE [argument …]      the first is the person's own command, for messages
 *
 * Signals go on to the program, whose own clean-up decides when this ends; the exit code is the program's.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { named } from './debian.mjs';
import { needRoot, plainEnvironment, root, SetupError, script } from './script.mjs';
import { setup } from './setup.mjs';

function runTypeScript(file, args) {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, file), ...args], {
    cwd: root,
    env: plainEnvironment(),
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to both; a signal that came to us alone has to be passed on. Programs take it twice as once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

await script(async () => {
  const [command, file, ...args] = process.argv.slice(2);
  needRoot(command);
  const missing = await setup(command === 'npm run bench' ? ['lab', 'bench'] : ['lab']);
  if (missing.length > 0) throw new SetupError(`${command} can't do without ${named(missing)}: see above.`);
  const { build } = await import('./build.mjs'); // imports esbuild, which setup has just installed
  await build();
  return runTypeScript(file, args);
});
