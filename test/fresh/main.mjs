/**
 * Owns `npm run test:fresh`: both commands of the README on a plain clone of what is committed here, with nothing beside it, in a Debian that
 * has nothing but what README asks for.
 *
 *   npm run test:fresh [-- [trixie] [bookworm] [--root=FOLDER] [WORD …]]
 *
 * - Each root is made anew by debootstrap, and thrown away; with --root it is made in FOLDER, or found there, and kept.
 * - Words are those of `npm test`; without them it is the whole of it. An hour a root on two processors.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { named } from '../../packaging/debian.mjs';
import { needRoot, root, run, SetupError, script } from '../../packaging/script.mjs';
import { setup } from '../../packaging/setup.mjs';
import { enter, enterCommand, makeDebianRoot, trustLocalCAs } from '../helpers/debian-root.mjs';

/** `node`: the npm package that has a newer Node than the suite has. */
const SUITES = { trixie: {}, bookworm: { node: 'node@22' } };
const CHECKOUT = '/root/selvage';

const say = (text) => process.stderr.write(`fresh: ${text}\n`);

const must = async (what, code) => {
  if ((await code) !== 0) throw new SetupError(`${what} failed (see above).`);
};

async function prepare(suite, folder) {
  if (!existsSync(join(folder, 'usr/bin/node'))) {
    say(`making a bare ${suite} by debootstrap in ${folder}`);
    await makeDebianRoot({ suite, folder, later: ['ca-certificates', 'git', 'nodejs', 'npm'] });
    await trustLocalCAs(folder);
  }
  const clone = join(folder, CHECKOUT);
  rmSync(clone, { recursive: true, force: true });
  await must('git clone', run('git', ['clone', '--quiet', '--no-hardlinks', root, clone]));
}

/** A Node that is too old says where a newer one comes from; then that one is installed. */
async function replaceNode(folder, suite, node) {
  if (existsSync(join(folder, 'usr/local/bin/node'))) return; // kept from an earlier run
  const [command, ...args] = enterCommand(folder, ['npm', 'start'], CHECKOUT);
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 1 || !/Node 20 or newer is needed, and this is v\d+\..*NodeSource/.test(stderr))
    throw new SetupError(`In ${suite}, npm start should say that its Node is too old. It said: ${stderr}`);
  say(`${suite}: ${/^selvage: .*$/m.exec(stderr)[0]}`);
  await must(`npm install -g ${node}`, enter(folder, ['npm', 'install', '-g', node]));
}

/** Resolves with what went wrong; "" if nothing did. */
async function tryIn(suite, folder, words) {
  await prepare(suite, folder);
  if (SUITES[suite].node) await replaceNode(folder, suite, SUITES[suite].node);
  const commands = [
    ['npm', 'start'],
    ['npm', 'test', ...(words.length > 0 ? ['--', ...words] : [])],
  ];
  const problems = [];
  for (const command of commands) {
    say(`${suite}: ${command.join(' ')}`);
    const code = await enter(folder, command, CHECKOUT);
    if (code !== 0) problems.push(`${command.join(' ')} ended with exit code ${code}`);
  }
  const { stdout } = spawnSync('git', ['status', '--porcelain'], { cwd: join(folder, CHECKOUT), encoding: 'utf8' });
  if (stdout !== '') problems.push(`the clone is changed:\n${stdout}`);
  return problems.join('; ');
}

function options(args) {
  const suites = args.filter((word) => Object.hasOwn(SUITES, word));
  const kept = args.find((word) => word.startsWith('--root='))?.slice('--root='.length);
  const words = args.filter((word) => !suites.includes(word) && !word.startsWith('--root='));
  if (words.some((word) => word.startsWith('-')) || (kept !== undefined && suites.length !== 1))
    throw new SetupError(
      'npm run test:fresh [-- [trixie] [bookworm] [--root=FOLDER] [WORD …]]; a FOLDER is for one suite.',
      64,
    );
  return { suites: suites.length > 0 ? suites : Object.keys(SUITES), kept, words };
}

await script(async () => {
  const { suites, kept, words } = options(process.argv.slice(2));
  needRoot('npm run test:fresh');
  const missing = await setup(['fresh']);
  if (missing.length > 0) throw new SetupError(`npm run test:fresh can't do without ${named(missing)}: see above.`);
  const lines = [];
  for (const suite of suites) {
    const folder = kept ?? mkdtempSync(join(tmpdir(), `selvage-fresh-${suite}-`));
    try {
      lines.push([suite, await tryIn(suite, folder, words)]);
    } finally {
      if (kept === undefined) rmSync(folder, { recursive: true, force: true });
    }
  }
  for (const [suite, problem] of lines) process.stdout.write(`${suite}: ${problem || 'passed'}\n`);
  return lines.some(([, problem]) => problem) ? 1 : 0;
});
