/** Owns what a file system's errno means to the reconciler, as a kind of failure and a sentence with the path and what to do. */
import { cureFor } from '../../config/open-files.ts';
import type { Failure, FailureKind } from '../../reconciler/contracts/failure.ts';

/** `flag` is the one that names the file. */
type Sentence = (path: string, flag: string) => string;

const TABLE: Record<string, [FailureKind, Sentence]> = {
  EACCES: ['denied', (path, flag) => `Not permitted to write ${path}: run selvage as root, or name another ${flag}.`],
  EPERM: [
    'denied',
    (path) => `Not permitted to change ${path}: run selvage as root, and see whether it is immutable (lsattr).`,
  ],
  EROFS: [
    'transient',
    (path, flag) => `${path} is on a file system that is mounted read-only: remount it, or name another ${flag}.`,
  ],
  ENOSPC: ['transient', (path) => `No space left for ${path}: free some on its file system.`],
  EDQUOT: ['transient', (path) => `The disk quota leaves no space for ${path}: free some.`],
  ENOENT: ['transient', (path) => `The folder of ${path} went away while it was being written; it is tried again.`],
  ENOTDIR: [
    'conflict',
    (path, flag) => `A part of the path ${path} is a file, not a folder: move it away, or name another ${flag}.`,
  ],
  // mkdir's answer to the same
  EEXIST: [
    'conflict',
    (path, flag) => `A part of the path ${path} is a file, not a folder: move it away, or name another ${flag}.`,
  ],
  EISDIR: [
    'conflict',
    (path, flag) => `${path} is a folder, where a file should be: move it away, or name another ${flag}.`,
  ],
  ELOOP: ['conflict', (path) => `The symbolic links at ${path} lead in a circle: mend or remove them.`],
  EBUSY: [
    'conflict',
    (path) => `${path} is a mount point and can't be replaced: mount its folder instead of the file.`,
  ],
  ENAMETOOLONG: ['invalid', (path, flag) => `The path ${path} is too long: name another ${flag}.`],
};

/** Something that is there on purpose and isn't ours: hold and report. */
export class FileConflict extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** An edit's text is not the file's any more: it is read again, and edited as it is now. */
export class FileChanged extends Error {}

/** Never throws. What the table doesn't know (EIO, ESTALE, EMFILE, …) is worth another try by itself. */
export function fileFailure(path: string, error: unknown, flag = '--subnet-file'): Failure {
  if (error instanceof FileConflict) return { kind: 'conflict', code: error.code, message: error.message };
  if (error instanceof FileChanged) return { kind: 'transient', code: 'ESTALE', message: error.message };
  const { code = 'UNKNOWN', message = String(error) } = error as NodeJS.ErrnoException;
  const known = TABLE[code];
  if (known) return { kind: known[0], code, message: known[1](path, flag) };
  return {
    kind: 'transient',
    code,
    message: `Could not write ${path} (${message}); ${cureFor(error, 'it is tried again')}.`,
  };
}
