import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MOST_BYTES, readState, sentenceOf, wrongAt } from '../../../../drivers/files/own-file.ts';
import { writeAtomically } from '../../../../drivers/files/write.ts';
import { temporaryFolder } from './fixture.ts';

const wrongIn = async (...of: Parameters<typeof readState>): Promise<string> => {
  const state = await readState(...of);
  return state.what === 'other' ? sentenceOf(of[0], state.wrong, '--flag') : state.what;
};

describe('looking at a file of ours', () => {
  it('reads it with its mode and time', async (t) => {
    const path = join(temporaryFolder(t), 'a');
    writeFileSync(path, 'text', { mode: 0o640 });
    const state = await readState(path);
    assert.ok(state.what === 'file');
    assert.deepEqual([state.bytes.toString(), state.mode], ['text', 0o640]);
    assert.ok(Math.abs(state.writtenAt - Date.now()) < 3_600_000);
  });

  it('takes a missing one, and one below a file, for absent', async (t) => {
    const path = join(temporaryFolder(t), 'a');
    assert.equal((await readState(path)).what, 'absent');
    writeFileSync(path, '');
    assert.equal((await readState(join(path, 'b'))).what, 'absent');
    assert.equal(await wrongAt(join(path, 'b')), undefined);
  });

  it('says what else is there, and opens none of it', async (t) => {
    const folder = temporaryFolder(t);
    const at = (name: string): string => join(folder, name);
    execFileSync('mkfifo', [at('pipe')]);
    mkdirSync(at('folder'));
    const server = createServer().listen(at('socket'));
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const kinds = {
      [at('pipe')]: 'a pipe',
      [at('folder')]: 'a folder',
      [at('socket')]: 'a socket',
      '/dev/null': 'a device',
    };
    for (const [path, kind] of Object.entries(kinds)) {
      const sentence = `${path} is ${kind}, where a file should be: move it away, or name another file by --flag.`;
      assert.equal(await wrongIn(path), sentence);
      assert.equal(await wrongIn(path, { follow: true, owner: 'any' }), sentence);
      await assert.rejects(writeAtomically(path, 'x', 0o600, '--flag'), { message: sentence });
    }
  });

  it('follows a link only where it is told to, and to no pipe', async (t) => {
    const folder = temporaryFolder(t);
    const [link, piped, file] = [join(folder, 'link'), join(folder, 'piped'), join(folder, 'file')];
    writeFileSync(file, 'x');
    symlinkSync('file', link);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('pipe', piped);
    assert.match(await wrongIn(link), /is a symbolic link \(to file\), which is not followed/);
    assert.equal(await wrongIn(link, { follow: true }), 'file');
    assert.match(await wrongIn(piped, { follow: true }), /is a pipe/);
  });

  it('reads none that is longer than it may be, also if that shows only while reading, and the beginning of any', async (t) => {
    const path = join(temporaryFolder(t), 'long');
    writeFileSync(path, 'head');
    assert.equal(await wrongIn(path, { most: 4 }), 'file');
    assert.match(await wrongIn(path, { most: 3 }), /is longer than 3 bytes/);
    truncateSync(path, 2 ** 40);
    assert.match(await wrongIn(path), new RegExp(`is longer than ${MOST_BYTES.toLocaleString('en')} bytes`));
    const state = await readState(path, { first: 4 });
    assert.equal(state.what === 'file' && state.bytes.toString(), 'head');
    assert.match(await wrongIn('/proc/self/maps', { most: 100 }), /is longer than 100 bytes/);
    assert.equal(await wrongIn('/proc/self/maps'), 'file');
  });

  it('asks of a person’s own file only that not everybody may write it', async (t) => {
    const path = join(temporaryFolder(t), 'a');
    writeFileSync(path, '');
    execFileSync('chown', ['65534:65534', path]);
    chmodSync(path, 0o664);
    assert.match(await wrongIn(path), /belongs to another user \(uid 65534\)/);
    assert.equal(await wrongIn(path, { owner: 'any' }), 'file');
    chmodSync(path, 0o666);
    assert.match(await wrongIn(path, { owner: 'any' }), /may be written by everybody \(mode 0666\)/);
  });
});
