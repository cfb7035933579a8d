import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openStateCache } from '../../../../drivers/state-cache/cache.ts';
import type { StateCopy } from '../../../../reconciler/contracts/state-copy.ts';
import { leaseRecord, PREFIX, snapshotOf } from '../../../helpers/store.ts';

const folder = mkdtempSync(join(tmpdir(), `selvage-cache-${process.pid}-`));
after(() => rmSync(folder, { recursive: true, force: true }));

const copyOf = (revision: number, heardAt = 0, host = 1): StateCopy => ({
  head: { prefix: PREFIX, kind: 'etcd-v3', clusterId: 'one', revision, heardAt, network: '10.5.0.0/16' },
  snapshot: snapshotOf({ revision, leases: [leaseRecord({ subnet: '10.5.1.0/24', host, revision: 10 })] }),
});

describe('the file of the last good copy', () => {
  it('is none at first, and then what was saved, for nobody else to read', async () => {
    const path = join(folder, 'new/folder/desired.json');
    const cache = openStateCache(path);
    assert.deepEqual([await cache.head(), await cache.load()], [undefined, undefined]);
    await cache.save(copyOf(100));
    assert.deepEqual(await cache.load(), copyOf(100));
    assert.equal((await cache.head())?.revision, 100);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(folder, 'new/folder')), ['desired.json']);
  });

  it('is not touched when it says the same and is recent', async () => {
    const path = join(folder, 'same.json');
    const cache = openStateCache(path);
    const inode = () => statSync(path).ino;
    await cache.save(copyOf(100));
    const first = inode();
    await cache.save(copyOf(101, 3_599_999));
    assert.equal(inode(), first);
    await cache.save(copyOf(101, 3_600_000));
    assert.notEqual(inode(), first);
    assert.equal((await cache.head())?.heardAt, 3_600_000);
    const second = inode();
    await cache.save(copyOf(102, 3_600_001, 2));
    assert.notEqual(inode(), second);
  });

  it('is written again when it has more to say of the past', async () => {
    const path = join(folder, 'past.json');
    const cache = openStateCache(path);
    const copy = copyOf(100);
    await cache.save(copy);
    const inode = statSync(path).ino;
    await cache.save({ ...copy, head: { ...copy.head, earlierNetworks: [], left: {} } });
    assert.equal(statSync(path).ino, inode);
    const past = { earlierNetworks: ['10.4.0.0/16'], left: { 'vxlan 1': 17 } };
    await cache.save({ ...copy, head: { ...copy.head, ...past } });
    const head = await cache.head();
    assert.deepEqual({ earlierNetworks: head?.earlierNetworks, left: head?.left }, past);
  });

  it('is replaced when it is broken', async () => {
    const path = join(folder, 'broken.json');
    writeFileSync(path, 'junk');
    const cache = openStateCache(path);
    await assert.rejects(cache.head(), /broken\.json is no copy that selvage has written; it is not used\.$/);
    await assert.rejects(cache.load(), /broken\.json is no copy/);
    await cache.save(copyOf(100));
    assert.equal((await cache.load())?.head.revision, 100);
  });

  it('says so when it can’t be read or written', async () => {
    const path = join(folder, 'a-folder');
    mkdirSync(path);
    await assert.rejects(openStateCache(path).head(), /not used: .*a-folder is a folder, where a file should be: move/);
    await assert.rejects(openStateCache(path).save(copyOf(100)), /a-folder is a folder/);
  });

  const inTheWay: Record<string, [put: (path: string) => void, said: RegExp]> = {
    pipe: [(path) => execFileSync('mkfifo', [path]), /is a pipe, where a file should be: .*--state-cache\.$/],
    link: [
      (path) => symlinkSync(`${path}.elsewhere`, path),
      /is a symbolic link \(to .*elsewhere\), which is not followed/,
    ],
    theirs: [(path) => chownSync(path, 65534, 65534), /belongs to another user \(uid 65534\)/],
    open: [(path) => chmodSync(path, 0o606), /may be written by everybody \(mode 0606\): .*chmod go-w/],
    group: [
      (path) => {
        chownSync(path, 0, 65534);
        chmodSync(path, 0o660);
      },
      /may be written by the group 65534 \(mode 0660\)/,
    ],
  };
  for (const [name, [put, said]] of Object.entries(inTheWay)) {
    it(`neither believes nor replaces what is no file of root's: ${name}`, async () => {
      const path = join(folder, `in-the-way-${name}`);
      const cache = openStateCache(path);
      if (['theirs', 'open', 'group'].includes(name)) await cache.save(copyOf(100));
      put(path);
      const before = lstatSync(path).ino;
      for (const tried of [cache.head, cache.load, () => cache.save(copyOf(200))]) await assert.rejects(tried(), said);
      assert.equal(lstatSync(path).ino, before);
      assert.equal(existsSync(`${path}.elsewhere`), false);
    });
  }

  it('says the same each time of a place where there can be no file, and what kind of place that is', async () => {
    const said = async (path: string): Promise<string> =>
      openStateCache(path)
        .save(copyOf(1))
        .then(
          () => 'it was saved',
          (error: Error) => error.message,
        );
    for (const path of ['/proc/selvage.json', '/proc/selvage/desired.json', '/sys/selvage.json']) {
      const sentence = await said(path);
      assert.match(
        sentence,
        /^\/(proc|sys)\S* is on a file system of the kernel's own \(proc, sysfs\), which takes no files: name another --state-cache\.$/,
      );
      assert.equal(await said(path), sentence);
    }
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    assert.equal(await said(join(file, 'copy')), await said(join(file, 'copy')));
  });

  it('reads a head of a copy of any length', async () => {
    const path = join(folder, 'long.json');
    const leases = Array.from({ length: 300 }, (_, n) =>
      leaseRecord({ subnet: `10.5.${n % 250}.0/24`, host: 1, revision: 10 }),
    );
    const copy = { ...copyOf(100), snapshot: snapshotOf({ revision: 100, leases }) };
    await openStateCache(path).save(copy);
    assert.ok(statSync(path).size > 65_536);
    assert.equal((await openStateCache(path).head())?.revision, 100);
    assert.equal((await openStateCache(path).load())?.snapshot.leases.length, 300);
  });
});
