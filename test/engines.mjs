/**
 * Owns `npm run test:engines`: `npm test` once with each Node of packaging/engines.mjs, whatever this machine has.
 *
 *   npm run test:engines [-- WORD …]     words as `npm test` takes them; a version, or its beginning ("22"), chooses engines
 *
 * The exit code is 0 only if it was with every one.
 */
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { ENGINES, fetchEngine } from '../packaging/engines.mjs';
import { root, SetupError, script } from '../packaging/script.mjs';
import { setup } from '../packaging/setup.mjs';

const isVersion = (word) => /^\d+(\.\d+)*$/.test(word);

/** Resolves with the exit code. It runs as if that Node were the only one: it is the first on the PATH too. */
async function testWith({ version }, words) {
  const bin = join(await fetchEngine(version, process.arch), 'bin');
  const child = spawn(join(bin, 'node'), [join(root, 'test/run.mjs'), ...words], {
    cwd: root,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to both; what came to us alone has to be passed on.
  const pass = (signal) => child.kill(signal);
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT'];
  for (const signal of signals) process.on(signal, pass);
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve(-1));
    child.once('exit', (code) => resolve(code ?? -1));
  });
  for (const signal of signals) process.off(signal, pass);
  return code;
}

await script(async () => {
  const args = process.argv.slice(2);
  const versions = args.filter(isVersion);
  const words = args.filter((word) => !isVersion(word));
  const engines = ENGINES.filter(
    ({ version }) => versions.length === 0 || versions.some((wanted) => `${version}.`.startsWith(`${wanted}.`)),
  );
  if (engines.length === 0)
    throw new SetupError(`There is ${ENGINES.map(({ version }) => version).join(', ')}, no ${versions.join()}.`, 64);
  await setup();
  const codes = [];
  for (const engine of engines) {
    process.stdout.write(`\nNode ${engine.version}\n\n`);
    codes.push(await testWith(engine, words));
    if (codes.at(-1) === 130) break; // interrupted
  }
  process.stdout.write('\n');
  for (const [at, code] of codes.entries())
    process.stdout.write(`Node ${engines[at].version}: ${code === 0 ? 'passed' : `failed (exit code ${code})`}\n`);
  return codes.find((code) => code !== 0) ?? 0;
});
