/**
 * Owns the bundle of what answers those who ask a running daemon, dist/http.cjs: pages, metrics, the control socket. dist/selvage.cjs requires it
 * with the first who asks, and never else: a daemon that nobody asks doesn't read a byte of it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { assemblePage } from './page.mjs';
import { root } from './script.mjs';

export const HTTP_BUNDLE = 'http.cjs';

/** Its text and inputs. */
export async function bundleHttp() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return bundle(join(root, 'drivers/http/open.ts'), HTTP_BUNDLE, {
    external: ['*/page.mjs'],
    define: { SELVAGE_VERSION: JSON.stringify(version), SELVAGE_PAGE: JSON.stringify(await assemblePage()) },
  });
}

/** Leaves it out of another bundle, which then requires the file beside it. */
export const httpApart = {
  name: 'http-apart',
  setup(build) {
    build.onResolve({ filter: /\/drivers\/http\/open\.ts$/ }, () => ({ path: `./${HTTP_BUNDLE}`, external: true }));
  },
};
