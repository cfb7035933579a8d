/** Owns one mutant's run: the simulation is bundled with one text of the product replaced, and looks for a seed that shows it, in a process of its own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import type { Invariant } from './invariants.ts';
import type { Mutant } from './mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Found {
  seed?: number;
  invariant?: Invariant;
  text?: string;
}

/** `seconds`: of CPU, how long it may look. */
export async function hunt(mutant: Mutant, seconds: number): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-mutant-'));
  try {
    const outfile = join(folder, 'hunt.mjs');
    await esbuild.build({
      entryPoints: [join(root, 'test/simulation/hunt.ts')],
      absWorkingDir: root,
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      plugins: [replacing(mutant)],
      logLevel: 'error',
    });
    const args = [outfile, String(seconds), String(mutant.from ?? 1), ...mutant.faults];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      timeout: 20_000 * seconds,
      killSignal: 'SIGKILL',
    });
    return JSON.parse(stdout) as Found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function replacing({ file, text: before, instead }: Mutant): esbuild.Plugin {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  assert.equal(text.split(before).length, 2, `${file} has this exactly once: ${before}`);
  return {
    name: 'mutant',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, (args) =>
        args.path === path ? { contents: text.replace(before, () => instead), loader: 'ts' } : undefined,
      ),
  };
}
