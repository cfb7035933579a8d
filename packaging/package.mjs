/**
 * Owns `npm run package`: the Debian package, in packages/.
 *
 *   npm run package -- [--arch amd64|arm64] [--with-node]
 *
 * - Reproducible: the same source gives the same bytes, whoever builds it and when; files have the time of the last commit, or of
 *   $SOURCE_DATE_EPOCH. So no code cache is in it: code-cache.cjs makes it where it is installed.
 * - --with-node puts a Node runtime in, for hosts whose distribution has none that is new enough.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { control, debianChangelog } from './deb/control.mjs';
import { copyright } from './deb/copyright.mjs';
import { fetchPackage } from './deb/fetch.mjs';
import { fetchEngine, NODE_INSIDE } from './engines.mjs';
import { isCommand, root, run, SetupError, script } from './script.mjs';
import { setup } from './setup.mjs';

const ARCHITECTURES = { amd64: 'x64', arm64: 'arm64' };
const LIBRARY = 'usr/lib/selvage';
const DOCUMENTS = 'usr/share/doc/selvage';

const from = (path) => join(root, path);
const read = (path) => readFileSync(from(path));
const json = (path) => JSON.parse(read(path).toString());
const compressed = (content) => gzipSync(content, { level: 9 }); // its header has no time

/** The time that all files have. */
function sourceDate() {
  if (process.env.SOURCE_DATE_EPOCH) return new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000);
  const git = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return new Date(git.status === 0 ? Number(git.stdout) * 1000 : 0);
}

/** A tree that becomes the package. */
class Tree {
  constructor(folder) {
    this.folder = folder;
  }
  #at(path) {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true, mode: 0o755 });
    return full;
  }
  write(path, content, mode = 0o644) {
    const full = this.#at(path);
    writeFileSync(full, content);
    chmodSync(full, mode);
  }
  copy(path, source, mode = 0o644) {
    this.write(path, readFileSync(source), mode);
  }
  link(path, target) {
    symlinkSync(target, this.#at(path));
  }
  /** As everybody's folders are, whatever the umask here. */
  openFolders() {
    for (const path of readdirSync(this.folder, { recursive: true }).map(String))
      if (lstatSync(join(this.folder, path)).isDirectory()) chmodSync(join(this.folder, path), 0o755);
  }
  /** Relative paths of all files, sorted. */
  files() {
    return readdirSync(this.folder, { recursive: true })
      .map(String)
      .filter((path) => !path.startsWith('DEBIAN') && lstatSync(join(this.folder, path)).isFile())
      .sort();
  }
}

/** The bundle without its cache, koffi's loader and its one binary. */
async function putLibrary(tree, cpu) {
  const { bundleInto } = await import('./build.mjs'); // imports esbuild, which setup has just installed
  const packages = await bundleInto(join(tree.folder, LIBRARY));
  for (const file of ['package.json', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'])
    tree.copy(`${LIBRARY}/node_modules/koffi/${file}`, from(`node_modules/koffi/${file}`));
  const name = `@koromix/koffi-linux-${cpu}`;
  const { version, integrity } = json('package-lock.json').packages[`node_modules/${name}`];
  const binary = cpu === process.arch ? from(`node_modules/${name}`) : await fetchPackage(name, version, integrity);
  for (const file of ['package.json', 'index.js', `linux_${cpu}/koffi.node`])
    tree.copy(`${LIBRARY}/node_modules/${name}/${file}`, join(binary, file));
  return [...packages, 'koffi'];
}

async function putNode(tree, cpu) {
  const folder = await fetchEngine(NODE_INSIDE, cpu);
  tree.copy(`${LIBRARY}/bin/node`, join(folder, 'bin/node'), 0o755);
  tree.copy(`${DOCUMENTS}/LICENSE.node`, join(folder, 'LICENSE'));
  tree.write('usr/bin/selvage', `#!/bin/sh\nexec /${LIBRARY}/bin/node /${LIBRARY}/selvage.js "$@"\n`, 0o755);
}

function putPages(tree) {
  const installed = (name) => from(`packaging/installed/${name}`);
  for (const unit of ['selvage.service', 'selvage-once.service', 'selvage-once.timer'])
    tree.copy(`usr/lib/systemd/system/${unit}`, from(`packaging/systemd/${unit}`));
  tree.copy('etc/default/selvage', installed('selvage.default'));
  tree.write('usr/share/man/man8/selvage.8.gz', compressed(readFileSync(installed('selvage.8'))));
  tree.write('usr/share/man/man5/selvage-config.5.gz', compressed(readFileSync(installed('selvage-config.5'))));
  tree.copy('usr/share/bash-completion/completions/selvage', installed('selvage.bash'));
  tree.copy('usr/share/zsh/vendor-completions/_selvage', installed('_selvage'));
  for (const example of ['docker.service.d/selvage-opts.conf', 'docker.service.d/selvage-daemon-json.conf'])
    tree.copy(`${DOCUMENTS}/examples/${example}`, from(`packaging/systemd/${example}`));
  tree.copy(`${DOCUMENTS}/examples/openrc/selvage`, from('packaging/openrc/selvage'));
  for (const example of ['selvage.rules.yml', 'selvage-dashboard.json'])
    tree.copy(`${DOCUMENTS}/examples/prometheus/${example}`, from(`packaging/prometheus/${example}`));
  // All of them, for they link to each other.
  for (const folder of ['.', 'reference'])
    for (const page of readdirSync(from(`docs/${folder}`)).filter((name) => name.endsWith('.md')))
      tree.copy(`${DOCUMENTS}/${folder}/${page}`, from(`docs/${folder}/${page}`));
}

function putControl(tree, { node, ...about }) {
  const script = (name) =>
    read(`packaging/deb/${name}`)
      .toString()
      .replace('@NODE@', node ? `/${LIBRARY}/bin/node` : 'node');
  for (const name of ['postinst', 'prerm', 'postrm']) tree.write(`DEBIAN/${name}`, script(name), 0o755);
  tree.write('DEBIAN/conffiles', '/etc/default/selvage\n');
  // Another Node has another code cache.
  if (!node) tree.write('DEBIAN/triggers', 'interest-noawait /usr/bin/node\n');
  const files = tree.files();
  const content = (path) => readFileSync(join(tree.folder, path));
  const sum = (path) => createHash('md5').update(content(path)).digest('hex');
  tree.write(
    'DEBIAN/md5sums',
    files
      .filter((path) => !path.startsWith('etc/'))
      .map((path) => `${sum(path)}  ${path}\n`)
      .join(''),
  );
  const kilobytes = files.reduce((all, path) => all + Math.ceil(content(path).length / 1024), 0);
  tree.write('DEBIAN/control', control({ ...about, node, kilobytes }));
}

/** Builds the package into `out`; resolves with its path. `revision`: Debian's, of one version. @throws SetupError */
export async function makePackage({ architecture, withNode, out, revision = 1 }) {
  const cpu = ARCHITECTURES[architecture];
  const node = withNode ? NODE_INSIDE : undefined;
  const date = sourceDate();
  const version = `${json('package.json').version}-${revision}${node ? '+node' : ''}`;
  const folder = mkdtempSync(join(tmpdir(), 'selvage-package-'));
  chmodSync(folder, 0o755);
  try {
    const tree = new Tree(folder);
    const packages = await putLibrary(tree, cpu);
    if (withNode) await putNode(tree, cpu);
    else tree.link('usr/bin/selvage', '../lib/selvage/selvage.js');
    putPages(tree);
    tree.write(`${DOCUMENTS}/copyright`, copyright(packages, withNode));
    tree.write(`${DOCUMENTS}/changelog.gz`, compressed(read('CHANGELOG.md')));
    tree.write(`${DOCUMENTS}/changelog.Debian.gz`, compressed(debianChangelog({ version, date })));
    putControl(tree, { version, architecture, node });
    tree.openFolders();
    mkdirSync(out, { recursive: true });
    const file = join(out, `selvage_${version}_${architecture}.deb`);
    const code = await run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', folder, file], {
      SOURCE_DATE_EPOCH: String(date.getTime() / 1000),
      // With several it would cut the data otherwise.
      DPKG_DEB_THREADS_MAX: '1',
    });
    if (code !== 0) throw new SetupError('dpkg-deb failed (see above).');
    return file;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Debian's name of this machine's; undefined if there is no package for it. */
export const nativeArchitecture = Object.keys(ARCHITECTURES).find((name) => ARCHITECTURES[name] === process.arch);

function options(args) {
  const rest = [...args];
  const chosen = { architecture: nativeArchitecture, withNode: false, out: from('packages') };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--with-node') chosen.withNode = true;
    else if (word === '--arch') chosen.architecture = rest.shift();
    else throw new SetupError('npm run package -- [--arch amd64|arm64] [--with-node]', 64);
  }
  if (!chosen.architecture || !Object.hasOwn(ARCHITECTURES, chosen.architecture))
    throw new SetupError(`There are packages for ${Object.keys(ARCHITECTURES).join(' and ')}: --arch says which.`, 64);
  return chosen;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await script(async () => {
    const chosen = options(process.argv.slice(2));
    if (!isCommand('dpkg-deb'))
      throw new SetupError('dpkg-deb is needed: on Debian it is always there, elsewhere it is in dpkg.');
    await setup();
    process.stdout.write(`${await makePackage(chosen)}\n`);
  });
}
