/** Writes docs/troubleshooting.md from reconciler/doctor/; with --check only says whether it is current (exit code 1 if not). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { troubleshootingPage } from '../reconciler/doctor/page.ts';
import { knownCauses } from './pages/known-causes.ts';

const file = fileURLToPath(new URL('./troubleshooting.md', import.meta.url));
const page = troubleshootingPage(knownCauses());

if (!process.argv.includes('--check')) {
  writeFileSync(file, page);
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== page) {
  console.error(
    'docs/troubleshooting.md is not what reconciler/doctor/ says: run node --import tsx docs/generate-troubleshooting.ts.',
  );
  process.exitCode = 1;
}
