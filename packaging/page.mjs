/** Owns how the status page (drivers/http/page/) becomes one document that loads nothing: its style and its script are put into it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { root } from './script.mjs';

const FOLDER = join(root, 'drivers/http/page');
const read = (name) => readFileSync(join(FOLDER, name), 'utf8');

/** Resolves with the document. */
export async function assemblePage() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(FOLDER, 'main.ts')],
    absWorkingDir: root,
    write: false,
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2020',
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'warning',
  });
  // A function, because "$" means something in a string that replaces.
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script');
  return read('index.html')
    .replace('/*style*/', () => read('style.css'))
    .replace('/*script*/', () => script);
}
