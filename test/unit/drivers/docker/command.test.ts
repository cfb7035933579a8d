import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runCommand } from '../../../../drivers/docker/command.ts';
import { temporaryFolder } from '../files/fixture.ts';

const CHILD = join(import.meta.dirname, 'command-child.ts');

describe('a command that can’t be started', () => {
  it('for want of files: that is its result, and the process goes on', async (t) => {
    const note = join(temporaryFolder(t), 'note');
    const run = `ulimit -n 100; exec "$0" --import tsx "$1" "$2"`;
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', run, process.execPath, CHILD, note]);
    const { ended, restarted } = JSON.parse(stdout);
    assert.equal(ended.ok, false);
    assert.match(ended.message, /^"true" could not be run: .*EMFILE/);
    assert.equal(restarted.ok, false);
    assert.match(restarted.message, /EMFILE/);
  });

  it('because it is no text that a shell can be given', async () => {
    const { done, letGo } = runCommand('true\0');
    letGo();
    const { ok, message } = (await done) as { ok: boolean; message?: string };
    assert.deepEqual([ok, message?.includes('could not be run')], [false, true]);
  });
});
