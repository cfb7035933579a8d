/** Fails if a comment or a page points to something that isn't in the repository: what that means is in pointers.mjs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { danglingPointers } from './pointers.mjs';
import { root, script } from './script.mjs';

const NOT_OURS = new Set(['node_modules', 'dist', '.git']);

function* filesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (NOT_OURS.has(entry.name)) continue;
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}

await script(() => {
  const files = new Map();
  for (const path of filesIn(root))
    files.set(relative(root, path), /\.(?:md|ts|mjs|cjs)$/.test(path) ? readFileSync(path, 'utf8') : '');
  const problems = danglingPointers(files);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) process.stderr.write(`${problems.length} dangling pointers.\n`);
  return problems.length > 0 ? 1 : 0;
});
