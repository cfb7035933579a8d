#!/usr/bin/env node
// Starts the bundle beside it from V8's code cache where this very V8 made it; else V8 compiles as usual. It never writes a
// cache itself: `selvage drift` writes nothing, anywhere. The bundle's first line is its hash, so a stale cache is never even tried.
'use strict';
if (parseInt(process.versions.node, 10) < 20) {
  process.stderr.write(`selvage: Node 20 or newer is needed, and this is ${process.version}: see "Install" in its README.\n`);
  process.exit(1);
}
const { readFileSync } = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');
const filename = `${__dirname}/selvage.cjs`;
const source = readFileSync(filename, 'latin1'); // the bundle is pure ASCII
let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/selvage-${source.slice(3, 19)}-${process.versions.v8}-${process.arch}.cache`);
} catch {} // none for this V8
const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
const script = new Script(wrapped, { filename, cachedData });
// Half a second of work is over before optimised code pays: V8 11 (Node 20) is told to compile it later, which saves a third of the CPU time
// of `--once`. After the cache, which is only good under the flags of its making; later V8s count otherwise and have no such flag.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=300000');
try {
  script.runInThisContext()(exports, require, module, filename, __dirname);
} catch (error) {
  // koffi is read from beside the bundle, before any of the bundle's own code could say what is wrong.
  if (!/\b(EMFILE|ENFILE)\b|too many open files/i.test(error.message)) throw error;
  const what = error.message.replace(/\.?$/, '');
  process.stderr.write(`selvage: ${what}; all files that selvage may have open are in use: raise LimitNOFILE= in its unit, or ulimit -n.\n`);
  process.exit(1);
}
