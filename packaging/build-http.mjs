/**
 * Owns the bundle of what answers those who ask a running daemon, dist/http.cjs: pages, metrics, the control socket. dist/selvage.cjs requires it
 * with the first who asks, and never else: a daemon that nobody asks doesn't read a byte of it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { assemblePage } from './page.mjs';
import { root } from './script.mjs';

const ENTRY = 'drivers/http/open.ts';
export const HTTP_BUNDLE = 'http.cjs';

/** The bundle's text. */
export async function bundleHttp() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const result = await esbuild.build({
    entryPoints: [join(root, ENTRY)],
    absWorkingDir: root,
    nodePaths: [join(root, 'node_modules')],
    outfile: `dist/${HTTP_BUNDLE}`,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    charset: 'ascii',
    legalComments: 'none',
    external: ['*/page.mjs'],
    define: { SELVAGE_VERSION: JSON.stringify(version), SELVAGE_PAGE: JSON.stringify(await assemblePage()) },
    logLevel: 'warning',
  });
  return result.outputFiles[0].text;
}

/** Leaves it out of another bundle, which then requires the file beside it. */
export const httpApart = {
  name: 'http-apart',
  setup(build) {
    build.onResolve({ filter: /\/drivers\/http\/open\.ts$/ }, () => ({ path: `./${HTTP_BUNDLE}`, external: true }));
  },
};
