/** Writes docs/flags.md from the table in config/flags.ts; with --check only says whether it is current (exit code 1 if not). */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { flagsPage } from '../config/help.ts';

const file = fileURLToPath(new URL('./flags.md', import.meta.url));
const page = flagsPage();

if (!process.argv.includes('--check')) {
  writeFileSync(file, page);
} else if (readOr(file, '') !== page) {
  console.error('docs/flags.md is not what config/flags.ts says: run node --import tsx docs/generate-flags.ts.');
  process.exitCode = 1;
}

function readOr(path: string, absent: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent;
    throw error;
  }
}
