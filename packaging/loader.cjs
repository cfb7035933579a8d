#!/usr/bin/env node
// Starts the bundle beside it from V8's code cache where this very Node made it; else V8 compiles as usual. It never writes a
// cache itself: `selvage drift` writes nothing, anywhere. The bundle's first line is its hash, so a stale cache is never even tried.
'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const filename = `${__dirname}/selvage.cjs`;
const source = readFileSync(filename, 'latin1'); // the bundle is pure ASCII
let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/selvage-${source.slice(3, 19)}-${process.version}-${process.arch}.cache`);
} catch {} // none for this Node
const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
new Script(wrapped, { filename, cachedData }).runInThisContext()(exports, require, module, filename, __dirname);
