import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FileConflict, fileFailure } from '../../../../drivers/files/failure.ts';

const errno = (code: string) => Object.assign(new Error(`${code}: something, open '/x'`), { code });

describe('what an errno means', () => {
  for (const [code, kind] of [
    ['EACCES', 'denied'],
    ['EPERM', 'denied'],
    ['EROFS', 'transient'],
    ['ENOSPC', 'transient'],
    ['ENOENT', 'transient'],
    ['EIO', 'transient'],
    ['EISDIR', 'conflict'],
    ['EBUSY', 'conflict'],
    ['ENAMETOOLONG', 'invalid'],
  ] as const) {
    it(`${code} is ${kind}, and says so in a sentence`, () => {
      const failure = fileFailure('/run/flannel/subnet.env', errno(code));
      assert.equal(failure.kind, kind);
      assert.equal(failure.code, code);
      assert.match(failure.message, /\/run\/flannel\/subnet\.env.*\.$/);
    });
  }

  it('a conflict keeps its own sentence', () => {
    assert.deepEqual(fileFailure('/x', new FileConflict('EEXIST', 'It is a folder.')), {
      kind: 'conflict',
      code: 'EEXIST',
      message: 'It is a folder.',
    });
  });
});
