/**
 * Owns which Nodes selvage is tested with (`npm run test:engines`), and which one goes into a package `--with-node`: the last. They come from
 * npm's own packages of Node, what its package "node" installs, by their hashes.
 */
import { fetchPackage } from './deb/fetch.mjs';

/** The oldest first. README and CONTRIBUTING name these lines. */
export const ENGINES = [
  {
    version: '20.20.2',
    x64: 'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
    arm64: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
  },
  {
    version: '22.23.3',
    x64: 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
    arm64: 'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
  },
  {
    version: '24.21.0',
    x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    arm64: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
];

/** The one inside a package. */
export const NODE_INSIDE = ENGINES.at(-1).version;

/** Resolves with a folder that has bin/node and LICENSE, gone with this process. `cpu`: x64 or arm64. @throws SetupError */
export function fetchEngine(version, cpu) {
  const engine = ENGINES.find((one) => one.version === version);
  return fetchPackage(`node-linux-${cpu}`, version, engine[cpu]);
}
