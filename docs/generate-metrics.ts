/** Writes docs/metrics.md from drivers/metrics/list.ts; with --check only says whether it is current (exit code 1 if not). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { metricsManual } from './pages/metrics.ts';

const file = fileURLToPath(new URL('./metrics.md', import.meta.url));
const page = metricsManual();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (!existsSync(file) || readFileSync(file, 'utf8') !== page) {
  console.error('docs/metrics.md is not what drivers/metrics/list.ts says: run npm run docs.');
  process.exitCode = 1;
}
