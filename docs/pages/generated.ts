/**
 * Owns how a generated page gets into the repository: it is written, or with --check on the command line only compared with what is there
 * (exit code 1 if it is not current).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

/** `path`: from the root of the repository. `source`: what the page is made from, for the message. */
export function generated(path: string, page: string, source: string): void {
  const file = fileURLToPath(new URL(path, root));
  if (!process.argv.includes('--check')) {
    writeFileSync(file, page);
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== page) {
    console.error(`${path} is not what ${source} says: run npm run docs.`);
    process.exitCode = 1;
  }
}
