import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { takeInstanceLock } from '../../../../drivers/host/instance-lock.ts';

const MODULE = fileURLToPath(new URL('../../../../drivers/host/instance-lock.ts', import.meta.url));

test('the lock of a network names the process that has it, and dies with it, whatever ends that', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-lock-'));
  const network = { prefix: `/lock/${process.pid}`, subnetFile: join(folder, 'subnet.env') };
  const program = `import { takeInstanceLock } from ${JSON.stringify(MODULE)};
    console.log(takeInstanceLock(${JSON.stringify(network)}).heldBy ?? 'mine'); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  t.after(() => {
    other.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const [answer] = (await once(other.stdout, 'data')) as [Buffer];
  assert.equal(String(answer).trim(), 'mine');
  assert.equal(takeInstanceLock(network).heldBy, other.pid);
  const another = takeInstanceLock({ ...network, prefix: `${network.prefix}/b` });
  assert.equal(another.heldBy, undefined, 'another network is another lock');
  another.release();

  other.kill('SIGKILL');
  await once(other, 'exit');
  const mine = takeInstanceLock(network);
  assert.equal(mine.heldBy, undefined);
  mine.release();
});
