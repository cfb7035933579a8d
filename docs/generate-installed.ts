/**
 * Writes what is installed beside the program and made from config/: manual pages, /etc/default/selvage, completions. With --check it only
 * says whether they are current (exit code 1 if not).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bashCompletion, zshCompletion } from './pages/completion.ts';
import { configManual } from './pages/config-manual.ts';
import { defaults } from './pages/defaults.ts';
import { manual } from './pages/manual.ts';

const PAGES = {
  'selvage.8': manual(),
  'selvage-config.5': configManual(),
  'selvage.default': defaults(),
  'selvage.bash': bashCompletion(),
  _selvage: zshCompletion(),
};

for (const [name, page] of Object.entries(PAGES)) {
  const file = fileURLToPath(new URL(`../packaging/installed/${name}`, import.meta.url));
  if (!process.argv.includes('--check')) writeFileSync(file, page);
  else if (readOr(file, '') !== page) {
    console.error(`packaging/installed/${name} is not what config/ says: run npm run docs.`);
    process.exitCode = 1;
  }
}

function readOr(path: string, absent: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent;
    throw error;
  }
}
