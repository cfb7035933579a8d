import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFileDriver } from '../../../../drivers/files/driver.ts';
import { everything } from '../../../../reconciler/contracts/scope.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { create, ENV, interestIn, temporaryFolder } from './fixture.ts';

/** Watches `path`; `expect` does something and waits until it was noticed. */
async function watching(t: TestContext, path: string) {
  const driver = createFileDriver();
  const seen: string[] = [];
  const stop = await driver.watch(
    (scope) => seen.push(...scope.ids),
    () => interestIn(path),
  );
  t.after(stop);
  const quiet = async () => {
    for (let before = -1; before !== seen.length; ) {
      before = seen.length;
      await sleep(60);
    }
  };
  const expect = async (what: string, act: () => unknown) => {
    await quiet();
    seen.length = 0;
    await act();
    await eventually(() => seen.length > 0, { what: `${what} to be noticed`, timeout: 5000 });
    assert.deepEqual([...new Set(seen)], [`file ${path}`]);
  };
  return { driver, seen, stop, quiet, expect };
}

describe('watching a file', () => {
  it('notices edits in place, replacement again and again, and deletion', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    writeFileSync(path, ENV);
    const { expect } = await watching(t, path);
    await expect('an edit', () => writeFileSync(path, 'x', { flag: 'a' }));
    for (let n = 0; n < 3; n++) {
      await expect('a replacement', () => {
        writeFileSync(join(folder, 'new'), `${n}`);
        renameSync(join(folder, 'new'), path);
      });
    }
    await expect('deletion', () => rmSync(path));
    await expect('creation', () => writeFileSync(path, ENV));
  });

  it('notices it in a folder that comes later, goes and comes again', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'run/flannel/subnet.env');
    const { expect } = await watching(t, path);
    for (let n = 0; n < 2; n++) {
      await expect('the folders', () => mkdirSync(join(folder, 'run/flannel'), { recursive: true }));
      await expect('creation', () => writeFileSync(path, ENV));
      await expect('an edit', () => writeFileSync(path, 'x'));
      await expect('deletion of the folders', () => rmSync(join(folder, 'run'), { recursive: true }));
    }
    await expect('all of it at once', () => {
      mkdirSync(join(folder, 'run/flannel'), { recursive: true });
      writeFileSync(path, ENV);
    });
    await expect('an edit', () => writeFileSync(path, 'x'));
    await expect('a folder replaced by another', () => {
      renameSync(join(folder, 'run/flannel'), join(folder, 'run/old'));
      mkdirSync(join(folder, 'run/flannel'));
    });
    await expect('creation in the new folder', () => writeFileSync(path, ENV));
  });

  it('notices it where a symbolic link leads, and a change of the link', async (t) => {
    const folder = temporaryFolder(t);
    for (const name of ['etc', 'one', 'two']) mkdirSync(join(folder, name));
    const path = join(folder, 'etc/subnet.env');
    symlinkSync('../one/subnet.env', path);
    const { expect } = await watching(t, path);
    await expect('creation of the target', () => writeFileSync(join(folder, 'one/subnet.env'), ENV));
    await expect('another link', () => {
      rmSync(path);
      symlinkSync('../two/subnet.env', path);
    });
    await expect('creation of the other target', () => writeFileSync(join(folder, 'two/subnet.env'), ENV));
  });

  it('is silent about its neighbours, and after it was stopped', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    writeFileSync(path, ENV);
    const { seen, stop, quiet, expect } = await watching(t, path);
    writeFileSync(join(folder, 'other'), 'x');
    mkdirSync(join(folder, 'folder'));
    await quiet();
    assert.deepEqual(seen, []);
    await expect('an edit (so it was awake)', () => writeFileSync(path, 'x'));
    await quiet();
    await stop();
    seen.length = 0;
    writeFileSync(path, 'y');
    await quiet();
    assert.deepEqual(seen, []);
  });

  it('begins with files that a later listing brings', async (t) => {
    const folder = temporaryFolder(t);
    const [first, second] = [join(folder, 'a'), join(folder, 'b')];
    const { driver, seen } = await watching(t, first);
    await driver.list(everything(), interestIn(first, second));
    writeFileSync(second, ENV);
    await eventually(() => seen.includes(`file ${second}`), { what: 'the second file to be noticed' });
  });

  it('ends with files that are of no interest any more, and begins again with them', async (t) => {
    const folder = temporaryFolder(t);
    const [kept, left] = [join(folder, 'kept'), join(folder, 'left')];
    let files = [kept, left];
    const driver = createFileDriver();
    const seen: string[] = [];
    const stop = await driver.watch(
      (scope) => seen.push(...scope.ids),
      () => interestIn(...files),
    );
    t.after(stop);
    const noticed = async (path: string): Promise<void> => {
      writeFileSync(path, `${Math.random()}`);
      await eventually(() => seen.includes(`file ${path}`), { what: `${path} to be noticed`, timeout: 30_000 });
    };
    await noticed(left);
    files = [kept];
    await driver.list(everything(), interestIn(kept));
    seen.length = 0;
    writeFileSync(left, 'x');
    await noticed(kept); // in the same folder, and after it
    assert.ok(!seen.includes(`file ${left}`));
    files = [kept, left];
    await driver.list(everything(), interestIn(...files));
    await noticed(left);
  });

  it('is content with its own writes: what they wake finds nothing to do', async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    const { driver, expect } = await watching(t, path);
    await expect('its own write', () => driver.apply([create(path)]));
    const [again] = await driver.apply([create(path)]);
    assert.equal(again!.result, 'noop');
  });
});

describe('a file that can’t be watched', () => {
  it('is told, and when it can be again', async (t) => {
    const folder = temporaryFolder(t);
    const [path, fine] = [join(folder, 'circle'), join(folder, 'subnet.env')];
    symlinkSync('circle', path);
    const driver = createFileDriver();
    const told: (string | undefined)[] = [];
    const seen: string[] = [];
    const stop = await driver.watch(
      (scope) => seen.push(...scope.ids),
      () => interestIn(path, fine),
      (problem) => told.push(problem),
    );
    t.after(stop);
    assert.equal(told.length, 1);
    assert.ok(told[0]?.startsWith(`${path} can't be watched (`), told[0]);
    rmSync(path);
    await eventually(() => told.length > 1, { what: 'the end of it', timeout: 30_000 });
    assert.equal(told[1], undefined);
    assert.ok(seen.includes(`file ${path}`));
    seen.length = 0;
    writeFileSync(path, ENV);
    await eventually(() => seen.includes(`file ${path}`), { what: 'the file', timeout: 30_000 });
  });
});
