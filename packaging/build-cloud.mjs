/**
 * Owns the bundle of the cloud drivers, dist/cloud.cjs: the signer, the XML reader and the two clouds' calls. dist/selvage.cjs requires it when a
 * network's backend is aws-vpc or gce, and never else: hosts of other backends don't read a byte of it.
 */
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { root } from './script.mjs';

const ENTRY = 'drivers/cloud/open.ts';
export const CLOUD_BUNDLE = 'cloud.cjs';

/** The bundle's text. */
export async function bundleCloud() {
  const result = await esbuild.build({
    entryPoints: [join(root, ENTRY)],
    absWorkingDir: root,
    nodePaths: [join(root, 'node_modules')],
    outfile: `dist/${CLOUD_BUNDLE}`,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'warning',
  });
  return result.outputFiles[0].text;
}

/** Leaves the drivers out of another bundle, which then requires the file beside it. */
export const cloudApart = {
  name: 'cloud-apart',
  setup(build) {
    build.onResolve({ filter: /\/drivers\/cloud\/open\.ts$/ }, () => ({ path: `./${CLOUD_BUNDLE}`, external: true }));
  },
};
