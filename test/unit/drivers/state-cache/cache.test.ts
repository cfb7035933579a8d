import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
    await assert.rejects(openStateCache(path).head(), /a-folder can't be read \(EISDIR/);
    await assert.rejects(openStateCache(path).save(copyOf(100)));
  });
});
