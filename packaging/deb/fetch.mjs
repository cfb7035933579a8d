/**
 * Owns getting an npm package that is not installed here: koffi's binary for another architecture, and a Node runtime. It comes through npm
 * itself, and is taken only if its hash is the one that is written down.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run, SetupError } from '../script.mjs';

/** Only whole tarballs are kept here: what is unpacked would be taken for files of the project. */
const cache = join(root, '.cache/packages');

/** Unpacks `name`@`version` into a folder that goes with this process, and resolves with it. `integrity`: as package-lock.json has it. @throws SetupError */
export async function fetchPackage(name, version, integrity) {
  const file = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
  const tarball = join(cache, file);
  const work = mkdtempSync(join(tmpdir(), 'selvage-fetch-'));
  process.once('exit', () => rmSync(work, { recursive: true, force: true }));
  if (!isWhole(tarball, integrity)) {
    const code = await run('npm', ['pack', '--silent', '--pack-destination', work, `${name}@${version}`]);
    if (code !== 0 || !isWhole(join(work, file), integrity))
      throw new SetupError(
        `${name} ${version} could not be had from the npm registry, or is not the one that is written down.`,
      );
    mkdirSync(cache, { recursive: true });
    copyFileSync(join(work, file), `${tarball}.${process.pid}`);
    renameSync(`${tarball}.${process.pid}`, tarball);
  }
  if ((await run('tar', ['-xzf', tarball, '-C', work])) !== 0)
    throw new SetupError(`${tarball} could not be unpacked.`);
  return join(work, 'package');
}

function isWhole(file, integrity) {
  try {
    return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}` === integrity;
  } catch {
    return false;
  }
}
