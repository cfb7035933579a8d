/**
 * Runs the bundle once, as its loader does, and saves V8's code cache at its exit: so it holds the functions that the run compiled.
 *
 *   node packaging/record-cache.cjs BUNDLE CACHE [argument of selvage …]
 *
 * A cache that is already there is started from, so that one run's functions add to the last one's.
 */
'use strict';
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, resolve } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const [bundle, cache] = process.argv.splice(2, 2).map((path) => resolve(path));
process.argv[1] = bundle;
const source = readFileSync(bundle, 'latin1');
let cachedData;
try {
  cachedData = readFileSync(cache);
} catch {}
const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
const script = new Script(wrapped, { filename: bundle, cachedData });
// V8 drops the bytecode of functions that ran long ago; not here. A cache is only good under the flags of its making, so put back below.
setFlagsFromString('--no-flush-bytecode');
process.once('exit', () => {
  setFlagsFromString('--flush-bytecode');
  writeFileSync(`${cache}.${process.pid}`, script.createCachedData());
  renameSync(`${cache}.${process.pid}`, cache);
});
script.runInThisContext()(exports, createRequire(bundle), module, bundle, dirname(bundle));
