import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { cureFor, isOutOfFiles, noteOpenFilesLimit, tooFewFiles, withCure } from '../../../config/open-files.ts';

const NONE = new Error("EMFILE: too many open files, open '/run/x'");

describe('what is said where no more files can be opened', () => {
  afterEach(() => noteOpenFilesLimit(undefined));

  it('is the limit and how it is raised, in place of another cure', () => {
    noteOpenFilesLimit(20);
    const cure = 'all 20 files that selvage may open are in use: raise LimitNOFILE= in its unit, or ulimit -n';
    assert.equal(cureFor(NONE, 'run it as root'), cure);
    assert.equal(cureFor(new Error('EACCES: permission denied'), 'run it as root'), 'run it as root');
    assert.equal(withCure('X failed (socket says EMFILE).'), `X failed (socket says EMFILE); ${cure}.`);
    assert.equal(withCure(`X failed (EMFILE): ${cure}.`), `X failed (EMFILE): ${cure}.`);
    assert.equal(withCure('X failed (EACCES).'), 'X failed (EACCES).');
  });

  it('is known by the words too', () => {
    const error = new Error('Cannot read package config /x/package.json: too many open files.');
    assert.match(withCure(error.message), /open files; all files that selvage may have open are in use: raise/);
    assert.ok(isOutOfFiles(error));
  });

  it('is the host’s own limit where that is met', () => {
    assert.match(cureFor(new Error('ENFILE: file table overflow'), ''), /fs\.file-max/);
    assert.deepEqual([NONE, new Error('ENFILE'), new Error('XEMFILEX'), 'EMFILE'].map(isOutOfFiles), [
      true,
      true,
      false,
      true,
    ]);
  });

  it('is said by a daemon at its start, if it may open few', () => {
    assert.deepEqual(tooFewFiles(), []);
    noteOpenFilesLimit(1024);
    assert.deepEqual(tooFewFiles(), []);
    noteOpenFilesLimit(40);
    assert.match(tooFewFiles().join(), /^No more than 40 files .*LimitNOFILE=/);
  });
});
