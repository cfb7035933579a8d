/**
 * Owns the kind `file`: whole files whose content is ours (subnet.env), and others' that get a value of ours (daemon.json). Reads,
 * replaces atomically, notices edits and deletion.
 *
 * - Lists only the files of interest. What can't be read, or is no file of ours (own-file.ts), is neither there nor absent: it is told why.
 * - Writes only what differs now, whatever the plan saw; a file is deleted only if it is still what was seen.
 */
import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cureFor } from '../../config/open-files.ts';
import { withDockerOptions } from '../../config/two-in-one.ts';
import {
  type Change,
  type Driver,
  type Interest,
  type Listing,
  type Outcome,
  resourceOf,
  type Unread,
} from '../../reconciler/contracts/driver.ts';
import { type Scope, scopeOf } from '../../reconciler/contracts/scope.ts';
import { type FileResource, type Have, idOf } from '../../reconciler/kinds/index.ts';
import { FileChanged, FileConflict, fileFailure } from './failure.ts';
import { conflictAt, readState, sentenceOf } from './own-file.ts';
import { readQuiet } from './quiet.ts';
import { PathWatch } from './watch.ts';
import { isMadeAgain, keepPrevious, removeLeftovers, saveBeside, syncFolder, writeAtomically } from './write.ts';

const idOfPath = (path: string) => idOf({ kind: 'file', path, content: '', mode: 0 });

export function createFileDriver(): Driver {
  const watches = new Map<string, PathWatch>();
  /** Why some can't be watched just now, by path. */
  const problems = new Map<string, string>();
  let emit: ((scope: Scope) => void) | undefined;
  let ofInterest: () => string[] = () => [];
  let tell: (problem: string | undefined) => void = () => {};

  const note = (path: string, problem: string | undefined): void => {
    if (problem === undefined) problems.delete(path);
    else problems.set(path, problem);
    tell(problems.size ? `${[...problems.values()].join('; ')}.` : undefined);
  };

  /** Interest may gain and lose files after watching began: it is asked at every listing, which may also be of a file that it doesn't name. */
  const follow = (listed: string[]): Promise<unknown> => {
    const start = emit;
    if (!start) return Promise.resolve();
    const files = new Set([...ofInterest(), ...listed]);
    for (const [path, watch] of watches) {
      if (files.has(path)) continue;
      watch.stop();
      watches.delete(path);
      if (problems.has(path)) note(path, undefined);
    }
    const fresh = [...files].filter((path) => !watches.has(path));
    return Promise.all(
      fresh.map((path) => {
        const changed = () => start(scopeOf({ ids: [idOfPath(path)] }));
        const watch = new PathWatch(path, changed, (problem) => note(path, problem));
        watches.set(path, watch);
        return watch.start();
      }),
    );
  };
  const stop = async () => {
    emit = undefined;
    for (const watch of watches.values()) watch.stop();
    watches.clear();
    problems.clear();
  };

  return {
    kinds: ['file'],
    async list(scope, interest) {
      await follow(interest.files);
      return listFiles(scope, interest);
    },
    async apply(changes) {
      const outcomes: Outcome[] = [];
      for (const change of changes) outcomes.push(await applyOne(change));
      return outcomes;
    },
    async watch(emitScope, interest, trouble = () => {}) {
      emit = emitScope;
      tell = trouble;
      ofInterest = () => interest().files;
      await follow([]);
      for (const path of ofInterest()) await removeLeftovers(path);
      return stop;
    },
    close: stop,
  };
}

async function listFiles(scope: Scope, interest: Interest): Promise<Listing> {
  const inScope = (path: string) => scope.all || scope.kinds.has('file') || scope.ids.has(idOfPath(path));
  const haves: Have[] = [];
  const unread = new Map<string, Unread>();
  for (const path of interest.files.filter(inScope)) {
    try {
      const state = await readState(path);
      if (state.what === 'absent') continue;
      if (state.what === 'file')
        haves.push({ kind: 'file', path, content: state.bytes.toString('utf8'), mode: state.mode });
      else unread.set(idOfPath(path), { why: 'not ours', detail: sentenceOf(path, state.wrong, 'its flag') });
    } catch (error) {
      unread.set(idOfPath(path), unreadable(path, error as Error));
    }
  }
  return unread.size ? { haves, complete: true, unread } : { haves, complete: true };
}

/** docs/design.md#unreadable-is-not-absent */
const unreadable = (path: string, error: Error): Unread => ({
  why: 'unreadable',
  detail: `file ${path} can't be read (${error.message}), so that nobody knows whether it is as it should be; ${cureFor(error, 'run selvage as a user who may read it')}.`,
});

async function applyOne(change: Change): Promise<Outcome> {
  const resource = resourceOf(change);
  if (resource.kind !== 'file') throw new TypeError(`the file driver was given a ${resource.kind}`);
  try {
    const done = change.op === 'delete' ? await remove(resource) : await write(resource);
    return { change, result: done ? 'done' : 'noop' };
  } catch (error) {
    return { change, result: 'failed', failure: fileFailure(resource.path, error, resource.flag) };
  }
}

/** True if something was written. */
async function write({
  path,
  content: wanted,
  mode,
  flag = '--subnet-file',
  edit,
  shared,
}: FileResource): Promise<boolean> {
  const state = shared ? await readQuiet(path) : await readState(path);
  const content = shared && state.what === 'file' ? withDockerOptions(wanted, state.bytes.toString('utf8')) : wanted;
  if (state.what === 'other') throw conflictAt(path, state.wrong, flag);
  if (state.what === 'file') {
    if (state.bytes.equals(Buffer.from(content))) return false;
    if (!edit && !isMadeAgain(state.bytes)) await saveBeside(path, state.bytes);
  }
  if (edit) {
    const same =
      state.what === 'file' ? edit.of !== undefined && state.bytes.equals(Buffer.from(edit.of)) : edit.of === undefined;
    if (!same) throw new FileChanged(`${path} was changed by somebody else just now; it is looked at again.`);
    if (state.what === 'file') await keepPrevious(path, state.bytes, state.mode);
  }
  await writeAtomically(path, content, state.what === 'file' ? state.mode : mode, flag);
  return true;
}

/** True if something was deleted. */
async function remove({ path, content }: FileResource): Promise<boolean> {
  const state = await readState(path);
  if (state.what === 'absent') return false;
  if (state.what === 'other' || state.bytes.toString('utf8') !== content) {
    throw new FileConflict('ESTALE', `${path} was changed by somebody else just now and is left as it is.`);
  }
  await unlink(path);
  await syncFolder(dirname(path));
  return true;
}
