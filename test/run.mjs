/**
 * Owns `npm test`: sets up, then lint, types, generated docs, pointers, build, and every test file: unit and property first, then the lab.
 *
 *   npm test                  everything
 *   npm test -- unit          only test files whose path has "unit" in it (several words: any of them); `lint`, `types`, … work too
 *
 * The system test (test/system) boots a whole machine, whose root takes minutes to make: `npm run test:system` makes and uses it, and from
 * then on it is part of `npm test`.
 *
 * Each check counts as one test. The last line is `N passed, N failed`; the exit code is 0 only if none failed. Lab tests need root;
 * without it the others run and the lab counts as failed. Ctrl-C lets the running files clean up; a second one doesn't wait.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { named } from '../packaging/debian.mjs';
import { isRoot, plainEnvironment, root, SetupError, script } from '../packaging/script.mjs';
import { setup } from '../packaging/setup.mjs';
import { runFile } from './helpers/run-file.mjs';
import { hasSystemRoot } from './system/root.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const CHECKS = {
  lint: [bin('biome'), 'ci', '--colors=off'],
  types: [bin('tsc')],
  'types of the page': [bin('tsc'), '--project', 'drivers/http/page', '--noEmit'],
  docs: [process.execPath, 'packaging/docs.mjs', '--check'],
  pointers: [process.execPath, 'packaging/check-pointers.mjs'],
  build: [process.execPath, 'packaging/build.mjs'],
};
/** Lab tests wait more than they compute: one more than CI has cores. */
const LAB_JOBS = 3;
/** By folder, where it is not the usual one: the system test boots a machine first, the simulation computes for a minute on a core of its own. */
const LIMITS_MS = { system: 15 * 60_000, simulation: 10 * 60_000 };

const filters = process.argv.slice(2);
const wanted = (name) => filters.length === 0 || filters.some((filter) => name.includes(filter));

function testFiles() {
  const all = readdirSync(join(root, 'test'), { recursive: true }).filter((path) => path.endsWith('.test.ts'));
  const chosen = all.sort().filter(wanted);
  return {
    quick: chosen.filter((path) => !/^(lab|system)\//.test(path)),
    lab: chosen.filter((path) => path.startsWith('lab/')),
    // Asked for by name they run in any case, and say what is missing.
    system: chosen.filter((path) => path.startsWith('system/') && (hasSystemRoot() || filters.length > 0)),
  };
}

let passed = 0;
const failures = [];
const running = new Map();
let interrupted = false;
let lastLine = Date.now();

function print(line) {
  lastLine = Date.now();
  process.stdout.write(`${line}\n`);
}

const indent = (text) => text.trimEnd().replace(/^/gm, '      ');
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function count(name, error) {
  if (error) failures.push(name);
  else passed++;
}

async function check(name) {
  const start = Date.now();
  const [command, ...args] = CHECKS[name];
  const { code, output } = await new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd: root, env: plainEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', (error) => resolve({ code: -1, output: String(error) }));
    child.once('close', (code) => resolve({ code, output }));
  });
  count(name, code !== 0);
  print(`${code === 0 ? '✔' : '✖'} ${name.padEnd(52)} ${seconds(Date.now() - start).padStart(20)}`);
  if (code !== 0) print(indent(output));
}

/** One test file; with `live`, each of its tests is a line as it ends. */
async function file(path, live) {
  const start = Date.now();
  const onTest = (test) => {
    if (live) print(`  ${test.error ? '✖' : '·'} ${path}: ${test.name} (${seconds(test.ms)})`);
  };
  const process = runFile(join(root, 'test', path), onTest, LIMITS_MS[path.split('/')[0]]);
  running.set(path, { ...process, start });
  const { tests, output } = await process.done;
  running.delete(path);
  const failed = tests.filter((test) => test.error);
  for (const test of tests) count(`${path} > ${test.name}`, test.error);
  const tally = failed.length > 0 ? `${failed.length} of ${tests.length} failed` : `${tests.length} passed`;
  print(
    `${failed.length > 0 ? '✖' : '✔'} ${path.padEnd(52)} ${tally.padStart(14)} ${seconds(Date.now() - start).padStart(7)}`,
  );
  for (const test of failed) print(`    ✖ ${test.name}\n${indent(test.error)}`);
  if (failed.length > 0 && output.trim()) print(`    its output:\n${indent(output)}`);
}

async function files(paths, jobs, live) {
  const queue = [...paths];
  const worker = async () => {
    for (let path = queue.shift(); path && !interrupted; path = queue.shift()) await file(path, live);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

function onInterrupt(signal) {
  if (interrupted) for (const { kill } of running.values()) kill();
  else print(`${signal}: waiting for ${[...running.keys()].join(', ') || 'nothing'} to clean up`);
  interrupted = true;
  for (const { end } of running.values()) end(`was interrupted by ${signal}`);
}

async function main() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onInterrupt);
  if (filters.some((filter) => filter.startsWith('-'))) {
    throw new SetupError(
      'npm test [-- WORD …]: only test files with one of the words in their path, such as unit or lab/vxlan.',
      64,
    );
  }
  const { quick, lab, system } = testFiles();
  const checks = Object.keys(CHECKS).filter(
    (name) => (name === 'build' && lab.length + system.length > 0) || wanted(name),
  );
  if (quick.length + lab.length + system.length + checks.length === 0)
    throw new SetupError(`No test file has ${filters.join(' or ')} in its path.`, 64);

  const missing = await setup(isRoot() ? [...quick, ...lab, ...system] : quick);
  const heartbeat = setInterval(() => {
    if (Date.now() - lastLine < 10_000) return;
    print(`… ${[...running].map(([path, { start }]) => `${path} (${seconds(Date.now() - start)})`).join(', ')}`);
  }, 1000);
  for (const name of checks) if (!interrupted) await check(name);
  await files(quick, availableParallelism(), false);
  if (lab.length + system.length > 0 && !isRoot()) {
    count('lab', true);
    print(
      '✖ lab: these tests need root, because they make network namespaces and devices in them: run `sudo npm test`.',
    );
  } else {
    await files(lab, LAB_JOBS, true);
    await files(system, 1, true);
  }
  clearInterval(heartbeat);

  if (failures.length > 0) print(`\nFailed:\n${failures.map((name) => `  ✖ ${name}`).join('\n')}`);
  if (missing.length > 0) print(`\nWithout these commands, tests that need them fail: ${named(missing)}.`);
  if (interrupted) print('Interrupted: not everything was run.');
  print(`\n${passed} passed, ${failures.length} failed`);
  if (interrupted) return 130;
  return failures.length > 0 ? 1 : 0;
}

await script(main);
