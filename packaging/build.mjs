/**
 * Owns `npm run build`: dist/ with the one bundled file, its loader and a V8 code cache beside it.
 *
 * - dist/selvage.cjs is everything but koffi's native half, which is required from node_modules; readable, not minified.
 * - dist/udp-engine.cjs is the udp data path's own program (build-udp-engine.mjs).
 * - dist/cloud.cjs is what only a network in a cloud needs (build-cloud.mjs).
 * - dist/http.cjs answers those who ask a running daemon (build-http.mjs).
 * - dist/selvage.js (bin.selvage) is loader.cjs; dist/package.json makes both CommonJS, which starts without Node's ESM loader.
 * - dist/code-cache.cjs makes a cache where a package of it is installed, which holds none.
 * - The cache is for the V8 and the bundle it was made with, and is taken after real work (warm-up.mjs); others do without it. A point
 *   update of Node keeps its V8, and so the cache.
 * - Files are replaced by rename, contents first, so that a selvage that starts meanwhile, or a second build, finds whole ones.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleCloud, CLOUD_BUNDLE, cloudApart } from './build-cloud.mjs';
import { bundleHttp, HTTP_BUNDLE, httpApart } from './build-http.mjs';
import { bundleUdpEngine, UDP_ENGINE } from './build-udp-engine.mjs';
import { bundle } from './bundle.mjs';
import { etcd3Protocol } from './etcd3-plugin.mjs';
import { root, script } from './script.mjs';
import { notWritable } from './setup.mjs';
import { warmUp } from './warm-up.mjs';

const require = createRequire(import.meta.url);

/** The main bundle: its text, whose first line is its own hash, and how many bytes came from where. */
async function bundleMain(entry) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { text, inputs } = await bundle(entry, 'selvage.cjs', {
    // proto-loader is left to functions of grpc-js (channelz, ORCA) that nobody calls.
    external: ['@grpc/proto-loader'],
    define: { SELVAGE_VERSION: JSON.stringify(version) },
    supported: { 'dynamic-import': false }, // a vm.Script has none; becomes require()
    plugins: [etcd3Protocol, cloudApart, httpApart],
  });
  const id = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { id, text: `// ${id}\n${text}`, inputs };
}

/** All bundles, at once: the main one, and by file name the texts of those beside it. */
async function bundles(entry) {
  const [main, engine, cloud, http] = await Promise.all([
    bundleMain(entry),
    bundleUdpEngine(),
    bundleCloud(),
    bundleHttp(),
  ]);
  const inputs = [main, engine, cloud, http].flatMap((one) => Object.keys(one.inputs));
  const beside = { [UDP_ENGINE]: engine.text, [CLOUD_BUNDLE]: cloud.text, [HTTP_BUNDLE]: http.text };
  return { main, beside, inputs };
}

const packageOf = (path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];

function biggest(inputs) {
  const bytes = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = packageOf(path) ?? 'selvage itself';
    bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
  }
  const sorted = [...bytes].sort((a, b) => b[1] - a[1]);
  return sorted
    .slice(0, 6)
    .map(([name, size]) => `${name} ${kilobytes(size)}`)
    .join(', ');
}

const kilobytes = (bytes) => `${Math.round(bytes / 1024)} KB`;

function replace(path, content, mode = 0o644) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

/** Writes bundle, loader and what stands beside them, without a cache. */
function put(folder, text, beside) {
  const file = (name) => join(folder, name);
  mkdirSync(folder, { recursive: true });
  replace(file('package.json'), '{ "type": "commonjs" }\n');
  replace(file('selvage.js'), readFileSync(require.resolve('./loader.cjs')), 0o755);
  for (const name of ['code-cache.cjs', 'record-cache.cjs'])
    replace(file(name), readFileSync(require.resolve(`./${name}`)));
  for (const [name, content] of Object.entries(beside)) replace(file(name), content);
  replace(file('selvage.cjs'), text);
}

/** Bundles and loader for a package. Resolves with the names of the npm packages that are in them. */
export async function bundleInto(folder) {
  const { main, beside, inputs } = await bundles(join(root, 'main.ts'));
  put(folder, main.text, beside);
  return new Set(inputs.flatMap((path) => packageOf(path) ?? []));
}

/** Builds `entry` into `folder`. Resolves when all of it is there. */
export async function build({ entry = join(root, 'main.ts'), folder = join(root, 'dist') } = {}) {
  const say = (text) => process.stderr.write(`build: ${text}\n`);
  const { main, beside } = await bundles(entry);
  const { id, text, inputs } = main;
  const file = (name) => join(folder, name);
  const cache = `selvage-${id}-${process.versions.v8}-${process.arch}.cache`;
  try {
    put(folder, text, beside);
  } catch (cause) {
    throw notWritable(cause);
  }
  if (!existsSync(file(cache))) say(await warmUp(file('selvage.cjs'), file(cache)));
  for (const name of readdirSync(folder)) {
    if (/^selvage-.*\.cache$/.test(name) && name !== cache) rmSync(file(name), { force: true });
  }
  const cached = existsSync(file(cache)) ? kilobytes(readFileSync(file(cache)).length) : 'none';
  say(`${file('selvage.cjs')} ${kilobytes(text.length)} (${biggest(inputs)}), code cache ${cached}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await script(() => build());
}
