/**
 * Owns noticing that a file may have changed. It watches folders, never files: a watch on a file ends at the first atomic rename.
 *
 * - Of a folder that isn't there the nearest one above is watched, and each new one below as it comes; so also for one that is deleted
 *   and made again. Every folder on the way through symbolic links is watched.
 * - After any change of what is watched the file is suspect, so that nothing is lost between looking and watching.
 * - Out of inotify watches, it tries again and tells its trouble; the level pass covers the time until then.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { followLinks, nearestFolder } from './look.ts';

const RETRY_MS = 5000;

interface Watched {
  watcher: FSWatcher;
  inode: string;
}

/** Which device and inode a folder is, "" if it is gone: a folder made again has another. */
function inodeOf(folder: string): string {
  const stat = statSync(folder, { throwIfNoEntry: false, bigint: true });
  return stat ? `${stat.dev}:${stat.ino}` : '';
}

export class PathWatch {
  readonly #path: string;
  readonly #changed: () => void;
  readonly #trouble: (problem: string | undefined) => void;
  /** What is watched, by folder. */
  readonly #watched = new Map<string, Watched>();
  /** Names in those folders that matter: `folder/name`. */
  #names = new Set<string>();
  #stopped = false;
  #arming: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  /** As it was told. */
  #problem: string | undefined;

  /**
   * `changed` is called, now and then without need, when the file at `path` may have changed. `trouble` hears why it can't be watched just
   * now, and undefined when it can again.
   */
  constructor(path: string, changed: () => void, trouble: (problem: string | undefined) => void = () => {}) {
    this.#path = path;
    this.#changed = changed;
    this.#trouble = trouble;
  }

  /** Resolves when it watches. */
  start(): Promise<void> {
    return this.#rearm();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  /** One after the other: each works on what the last one left. */
  #rearm(): Promise<void> {
    this.#arming = this.#arming
      .then(() => this.#arm())
      .then(
        () => this.#tell(undefined),
        (error: Error) => {
          this.#tell(`${this.#path} can't be watched (${error.message})`);
          this.#later();
        },
      );
    return this.#arming;
  }

  #tell(problem: string | undefined): void {
    if (this.#stopped || problem === this.#problem) return;
    this.#problem = problem;
    this.#trouble(problem);
  }

  #later(): void {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      void this.#rearm().then(() => this.#changed());
    }, RETRY_MS).unref();
  }

  /** Which folders and which names in them stand between us and the file, as things are now. */
  async #plan(): Promise<Map<string, string>> {
    const plan = new Map<string, string>();
    for (const step of await followLinks(this.#path)) {
      const folder = await nearestFolder(dirname(step));
      // In the file's own folder its name; in one above, the next folder on the way.
      const next = step.slice(folder === '/' ? 1 : folder.length + 1).split('/')[0]!;
      plan.set(`${folder === '/' ? '' : folder}/${next}`, folder);
    }
    return plan;
  }

  async #arm(): Promise<void> {
    // Until looking again shows the same: what came between looking and watching is then not missed.
    for (let again = true; again && !this.#stopped; ) {
      again = false;
      const plan = await this.#plan();
      if (this.#stopped) return;
      const folders = new Set(plan.values());
      this.#names = new Set(plan.keys());
      for (const [folder, { watcher, inode }] of this.#watched) {
        if (folders.has(folder) && inode === inodeOf(folder)) continue;
        watcher.close();
        this.#watched.delete(folder);
      }
      for (const folder of folders) {
        if (this.#watched.has(folder)) continue;
        this.#watched.set(folder, { inode: inodeOf(folder), watcher: this.#watchFolder(folder) });
        again = true;
      }
    }
  }

  #watchFolder(folder: string): FSWatcher {
    const watcher = watch(folder, { persistent: false }, (_, name) => this.#onEvent(folder, name));
    watcher.on('error', () => {
      this.#watched.delete(folder);
      watcher.close();
      void this.#rearm().then(() => this.#changed());
    });
    return watcher;
  }

  #onEvent(folder: string, name: string | null): void {
    if (this.#stopped) return;
    const path = `${folder === '/' ? '' : folder}/${name}`;
    // inotify reports the end of the folder itself under the folder's own name.
    const itself = name === basename(folder) && this.#watched.get(folder)?.inode !== inodeOf(folder);
    if (name !== null && !itself && !this.#names.has(path)) return;
    this.#changed();
    void this.#rearm().then(() => {
      if (!this.#stopped) this.#changed();
    });
  }
}
