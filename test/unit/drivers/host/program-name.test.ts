import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { programName } from '../../../../drivers/host/program-name.ts';

it('a process is named by its program, also where its main thread is called otherwise, and at any length', async () => {
  assert.equal(programName(process.pid), 'node');
  const child = spawn('sleep', ['60'], { argv0: '/opt/bin/a-name-that-the-kernel-would-cut', stdio: 'ignore' });
  await once(child, 'spawn');
  assert.equal(programName(child.pid!), 'a-name-that-the-kernel-would-cut');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(programName(child.pid!), 'a program');
});
