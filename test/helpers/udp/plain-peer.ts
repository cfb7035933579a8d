/**
 * Owns the flannel-like peer of tests and figures: plain-peer.c where the machine has a C compiler, else the same loop in this Node
 * (plain-peer-node.ts). Compiled once for each state of its source, into the checkout's .cache.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('./plain-peer.c', import.meta.url));
const folder = fileURLToPath(new URL('../../../.cache', import.meta.url));

/** The command that runs it, and what it is written in. */
export function plainPeer(): { command: string[]; language: 'C' | 'Node' } {
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const program = join(folder, `plain-peer-${hash}`);
  if (existsSync(program)) return { command: [program], language: 'C' };
  if (spawnSync('cc', ['--version'], { stdio: 'ignore' }).status !== 0) {
    const script = fileURLToPath(new URL('./plain-peer-node.ts', import.meta.url));
    return { command: [process.execPath, '--import', 'tsx', script], language: 'Node' };
  }
  mkdirSync(folder, { recursive: true });
  const temporary = `${program}.${process.pid}`;
  execFileSync('cc', ['-O2', '-Wall', '-o', temporary, source]);
  renameSync(temporary, program);
  return { command: [program], language: 'C' };
}
