/**
 * Owns what the bundles in dist/ have in common: each is one CommonJS file for Node 20, readable, not minified, in plain ASCII (the loader
 * reads it byte by byte). koffi's native half can't be in one; it is required from node_modules.
 */
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { root, SetupError } from './script.mjs';

const COMMON = {
  absWorkingDir: root,
  nodePaths: [join(root, 'node_modules')],
  write: false,
  metafile: true,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  charset: 'ascii',
  legalComments: 'none',
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
};

/**
 * Bundles `entry`, a path, as dist/`name`, and writes nothing. Resolves with its text and how many bytes came from which file.
 * @throws SetupError
 */
export async function bundle(entry, name, { define, external = [], ...own } = {}) {
  const options = {
    ...COMMON,
    ...own,
    entryPoints: [entry],
    outfile: `dist/${name}`,
    external: ['koffi', ...external],
    define: { ...define, 'import.meta.url': 'bundleUrl' },
  };
  const { outputFiles, metafile } = await esbuild.build(options).catch((cause) => {
    throw new SetupError(`esbuild could not bundle ${name} (see above).`, 1, { cause });
  });
  return { text: outputFiles[0].text, inputs: Object.values(metafile.outputs)[0].inputs };
}
