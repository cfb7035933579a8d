/**
 * Owns getting an npm package that is not installed here: koffi's binary for another architecture, and a Node runtime. It comes through npm
 * itself, and is taken only if its hash is the one that is written down.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, SetupError } from '../script.mjs';

const cache = join(root, '.cache/packages');

/** Unpacks `name`@`version` and resolves with its folder. `integrity`: as package-lock.json has it. @throws SetupError */
export async function fetchPackage(name, version, integrity) {
  const folder = join(cache, `${name.replace('/', '-')}-${version}`);
  const tarball = `${folder.replace('@', '')}.tgz`;
  const work = `${folder}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    if (!isWhole(tarball, integrity)) {
      const code = await run('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${version}`]);
      const packed = join(work, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
      if (code !== 0 || !isWhole(packed, integrity))
        throw new SetupError(
          `${name} ${version} could not be had from the npm registry, or is not the one that is written down.`,
        );
      renameSync(packed, tarball);
    }
    if ((await run('tar', ['-xzf', tarball, '-C', work])) !== 0)
      throw new SetupError(`${tarball} could not be unpacked.`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'package'), folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isWhole(file, integrity) {
  try {
    return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}` === integrity;
  } catch {
    return false;
  }
}
