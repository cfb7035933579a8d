/**
 * Owns the bundle of the cloud drivers, dist/cloud.cjs: the signer, the XML reader and the two clouds' calls. dist/selvage.cjs requires it when a
 * network's backend is aws-vpc or gce, and never else: hosts of other backends don't read a byte of it.
 */
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { root } from './script.mjs';

export const CLOUD_BUNDLE = 'cloud.cjs';

/** Its text and inputs. */
export const bundleCloud = () => bundle(join(root, 'drivers/cloud/open.ts'), CLOUD_BUNDLE);

/** Leaves the drivers out of another bundle, which then requires the file beside it. */
export const cloudApart = {
  name: 'cloud-apart',
  setup(build) {
    build.onResolve({ filter: /\/drivers\/cloud\/open\.ts$/ }, () => ({ path: `./${CLOUD_BUNDLE}`, external: true }));
  },
};
