/**
 * Owns dist/udp-engine.cjs: the udp data path as a program of its own, small, for it stays in memory as long as the host is in the network.
 * The WebAssembly is assembled here and put into it.
 */
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { root, SetupError } from './script.mjs';
import { assembleWat } from './wat.mjs';

/** Its text. */
export async function bundleUdpEngine() {
  const wasm = await assembleWat(join(root, 'drivers/udp/engine/ones-sum.wat'));
  const options = {
    entryPoints: [join(root, 'drivers/udp/engine/main.ts')],
    absWorkingDir: root,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    charset: 'ascii',
    legalComments: 'none',
    external: ['koffi', '*/wat.mjs'],
    define: {
      SELVAGE_ONES_SUM: JSON.stringify(Buffer.from(wasm).toString('base64')),
      'import.meta.url': 'bundleUrl',
    },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'warning',
  };
  const result = await esbuild.build(options).catch((cause) => {
    throw new SetupError('esbuild could not bundle the udp engine (see above).', 1, { cause });
  });
  return result.outputFiles[0].text;
}
