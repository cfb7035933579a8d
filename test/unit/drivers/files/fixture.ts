/** A folder for one test, and changes to files in it as the reconciler gives them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Change, Interest } from '../../../../reconciler/contracts/driver.ts';
import type { FileResource } from '../../../../reconciler/kinds/index.ts';

export const ENV = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n';

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), `selvage-files-${process.pid}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const file = (path: string, content = ENV, mode = 0o644): FileResource => ({
  kind: 'file',
  path,
  content,
  mode,
});

export const create = (path: string, content = ENV): Change => ({
  op: 'create',
  id: `file ${path}`,
  reason: 'missing',
  want: file(path, content),
});

export const remove = (path: string, content = ENV): Change => ({
  op: 'delete',
  id: `file ${path}`,
  reason: 'not wanted',
  have: file(path, content),
});

export const interestIn = (...files: string[]): Interest => ({ networks: [], devices: [], uplink: 'eth0', files });
