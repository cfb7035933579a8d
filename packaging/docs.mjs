/**
 * Runs every docs/generate-*.ts: without arguments they write their pages, with --check they fail if a page is not current.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment, root, script } from './script.mjs';

await script(() => {
  const generators = readdirSync(join(root, 'docs')).filter((name) => /^generate-.*\.ts$/.test(name));
  const failed = generators.filter((name) => {
    const args = ['--import', 'tsx', join(root, 'docs', name), ...process.argv.slice(2)];
    return spawnSync(process.execPath, args, { cwd: root, env: plainEnvironment(), stdio: 'inherit' }).status !== 0;
  });
  for (const name of failed) process.stderr.write(`docs/${name} failed; \`npm run docs\` writes the pages anew.\n`);
  return failed.length > 0 ? 1 : 0;
});
