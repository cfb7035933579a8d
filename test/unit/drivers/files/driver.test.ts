import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFileDriver } from '../../../../drivers/files/driver.ts';
import type { Change } from '../../../../reconciler/contracts/driver.ts';
import { everything, scopeOf } from '../../../../reconciler/contracts/scope.ts';
import { create, ENV, file, interestIn, remove, temporaryFolder } from './fixture.ts';

const applyOne = async (change: Change) => {
  const outcomes = await createFileDriver().apply([change]);
  assert.equal(outcomes.length, 1);
  assert.equal(outcomes[0]!.change, change);
  return outcomes[0]!;
};
const modeOf = (path: string) => statSync(path).mode & 0o7777;

describe('a file of two writers', () => {
  const both = `${ENV}DOCKER_OPTS=" --bip=10.5.34.1/24 --mtu=1450"\n`;
  const shared = (path: string): Change => ({
    op: 'create',
    id: `file ${path}`,
    reason: '',
    want: { ...file(path), shared: true },
  });

  it("keeps Docker's lines", async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    writeFileSync(path, 'DOCKER_OPTS=" --bip=10.5.1.1/24 --mtu=1400"\n');
    assert.equal((await applyOne(shared(path))).result, 'done');
    assert.equal(readFileSync(path, 'utf8'), both);
    assert.equal((await applyOne(shared(path))).result, 'noop');
  });

  it('does not take away the line that a script is about to append', async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    writeFileSync(path, '');
    const applied = applyOne(shared(path));
    await sleep(20);
    appendFileSync(path, 'DOCKER_OPTS=" --bip=10.5.34.1/24 --mtu=1450"\n');
    await applied;
    assert.equal(readFileSync(path, 'utf8'), both);
  });
});

describe('listing files', () => {
  it('reads the files of interest with their modes, and no others', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    writeFileSync(path, ENV);
    chmodSync(path, 0o600);
    writeFileSync(join(folder, 'other'), 'x');
    const listing = await createFileDriver().list(everything(), interestIn(path, join(folder, 'missing')));
    assert.deepEqual(listing, { haves: [file(path, ENV, 0o600)], complete: true });
  });

  it('reads only what is in scope', async (t) => {
    const folder = temporaryFolder(t);
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(a, 'a');
    writeFileSync(b, 'b');
    const list = async (scope: Parameters<typeof scopeOf>[0]) => {
      const { haves } = await createFileDriver().list(scopeOf(scope), interestIn(a, b));
      return haves.map((have) => have.kind === 'file' && have.path);
    };
    assert.deepEqual(await list({ ids: [`file ${b}`] }), [b]);
    assert.deepEqual(await list({ kinds: ['file'] }), [a, b]);
    assert.deepEqual(await list({ kinds: ['route'], links: ['flannel.1'] }), []);
  });

  it("says of what can't be read neither that it is there nor that it isn't", async () => {
    const path = '/proc/self/mem'; // a regular file, from whose beginning nobody can read
    const { haves, complete, unread } = await createFileDriver().list(everything(), interestIn(path));
    assert.deepEqual([haves, complete, [...(unread ?? [])].map(([id]) => id)], [[], true, [`file ${path}`]]);
    assert.match(unread?.get(`file ${path}`)?.detail ?? '', /EIO/);
  });

  it('takes what is no file of ours neither for there nor for absent, says the cure, and does not wait for a writer', async (t) => {
    const folder = temporaryFolder(t);
    const [pipe, link, open] = ['pipe', 'link', 'open'].map((name) => join(folder, name)) as [string, string, string];
    execFileSync('mkfifo', [pipe]);
    writeFileSync(open, ENV);
    chmodSync(open, 0o666);
    symlinkSync(open, link);
    const below = join(pipe, 'below');
    const { haves, complete, unread } = await createFileDriver().list(
      everything(),
      interestIn(pipe, folder, below, link, open),
    );
    assert.deepEqual([haves, complete], [[], true]);
    const said = Object.fromEntries([...(unread ?? [])].map(([id, { why, detail }]) => [id, `${why}: ${detail}`]));
    assert.deepEqual(said, {
      [`file ${pipe}`]: `not ours: ${pipe} is a pipe, where a file should be: move it away, or name another file by its flag.`,
      [`file ${folder}`]: `not ours: ${folder} is a folder, where a file should be: move it away, or name another file by its flag.`,
      [`file ${link}`]: `not ours: ${link} is a symbolic link (to ${open}), which is not followed: remove the link, or name the file itself by its flag.`,
      [`file ${open}`]: `not ours: ${open} may be written by everybody (mode 0666): see what it says and chmod go-w it, or remove it.`,
    });
  });
});

describe('writing a file', () => {
  it('creates it with its folders, readable by all whatever the umask', async (t) => {
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    const folder = temporaryFolder(t);
    const path = join(folder, 'run/flannel/subnet.env');
    assert.equal((await applyOne(create(path))).result, 'done');
    assert.equal(readFileSync(path, 'utf8'), ENV);
    assert.equal(modeOf(path), 0o644);
    assert.equal(modeOf(join(folder, 'run')), 0o755);
    assert.equal(modeOf(join(folder, 'run/flannel')), 0o755);
    assert.deepEqual(readdirSync(join(folder, 'run/flannel')), ['subnet.env']);
  });

  it('leaves the modes of folders that were there', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'run'), { mode: 0o700 });
    await applyOne(create(join(folder, 'run/flannel/subnet.env')));
    assert.equal(modeOf(join(folder, 'run')), 0o700);
  });

  it('replaces the content by another file, and keeps the mode', async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    writeFileSync(path, 'FLANNEL_MTU=1\n');
    chmodSync(path, 0o640);
    const before = statSync(path).ino;
    assert.equal((await applyOne(create(path))).result, 'done');
    assert.equal(readFileSync(path, 'utf8'), ENV);
    assert.equal(modeOf(path), 0o640);
    assert.notEqual(statSync(path).ino, before);
    assert.equal(existsSync(`${path}.selvage-saved`), false);
  });

  it('does not touch a file that is already right', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    writeFileSync(path, ENV);
    const [before, folderBefore] = [statSync(path), statSync(folder)];
    assert.equal((await applyOne(create(path))).result, 'noop');
    assert.equal(statSync(path).ino, before.ino);
    assert.equal(statSync(path).mtimeMs, before.mtimeMs);
    assert.equal(statSync(folder).mtimeMs, folderBefore.mtimeMs);
  });

  it('keeps what was no subnet.env beside it, once for each content', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    const foreign = Buffer.from([0x23, 0x20, 0xff, 0xfe, 0x0a, 0x0a, 0x78]);
    for (const content of [foreign, Buffer.from('something else\n'), foreign]) {
      writeFileSync(path, content);
      assert.equal((await applyOne(create(path))).result, 'done');
      assert.equal(readFileSync(path, 'utf8'), ENV);
    }
    assert.deepEqual(readFileSync(`${path}.selvage-saved`), foreign);
    assert.equal(readFileSync(`${path}.selvage-saved.2`, 'utf8'), 'something else\n');
    assert.equal(readdirSync(folder).length, 3);
  });

  it('keeps nothing of an empty file or of an edited subnet.env', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    for (const content of ['', ' \n\n', '# mine\n\nFLANNEL_MTU=9000\n']) {
      writeFileSync(path, content);
      assert.equal((await applyOne(create(path))).result, 'done');
    }
    assert.deepEqual(readdirSync(folder), ['subnet.env']);
  });

  it('stops before it loses a tenth foreign content', async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    for (let n = 1; n <= 9; n++) {
      writeFileSync(path, `content ${n}`);
      assert.equal((await applyOne(create(path))).result, 'done');
    }
    writeFileSync(path, 'content 10');
    const outcome = await applyOne(create(path));
    assert.equal(outcome.failure?.kind, 'conflict');
    assert.equal(readFileSync(path, 'utf8'), 'content 10');
  });

  it('never writes through a symbolic link, also one that leads nowhere yet, and leaves the link', async (t) => {
    const folder = temporaryFolder(t);
    const [path, target] = [join(folder, 'link'), join(folder, 'target')];
    symlinkSync('target', path);
    for (const there of [undefined, 'precious']) {
      if (there !== undefined) writeFileSync(target, there);
      const { result, failure } = await applyOne(create(path));
      assert.deepEqual([result, failure?.kind], ['failed', 'conflict']);
      assert.match(
        failure!.message,
        /link is a symbolic link \(to target\), which is not followed: .*--subnet-file\.$/,
      );
      assert.equal(existsSync(target) ? readFileSync(target, 'utf8') : undefined, there);
      assert.equal(readlinkSync(path), 'target');
    }
  });

  it('leaves what another user owns or everybody may write, also where it would say the same', async (t) => {
    const folder = temporaryFolder(t);
    const [theirs, open] = [join(folder, 'theirs'), join(folder, 'open')];
    for (const path of [theirs, open]) writeFileSync(path, ENV);
    chownSync(theirs, 65534, 65534);
    chmodSync(open, 0o646);
    for (const path of [theirs, open]) {
      const outcome = await applyOne(create(path));
      assert.equal(outcome.failure?.kind, 'conflict', path);
      assert.equal((await applyOne(remove(path))).failure?.kind, 'conflict', path);
      assert.equal(readFileSync(path, 'utf8'), ENV);
    }
  });

  it('keeps nothing through a link or a pipe beside the file', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'subnet.env');
    execFileSync('mkfifo', [`${path}.selvage-saved`]);
    symlinkSync('precious', `${path}.selvage-saved.2`);
    writeFileSync(path, 'foreign');
    assert.equal((await applyOne(create(path))).result, 'done');
    assert.equal(readFileSync(`${path}.selvage-saved.3`, 'utf8'), 'foreign');
    assert.equal(existsSync(join(folder, 'precious')), false);
    assert.equal(lstatSync(`${path}.selvage-saved`).isFIFO(), true);
  });

  it('is a conflict where something else is in the way', async (t) => {
    const folder = temporaryFolder(t);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'plain'), 'x');
    symlinkSync('circle', join(folder, 'circle'));
    symlinkSync('/dev/null', join(folder, 'device'));
    for (const name of ['pipe', 'folder', 'plain/subnet.env', 'circle', 'device']) {
      const path = join(folder, name);
      const { result, failure } = await applyOne(create(path));
      assert.equal(result, 'failed', name);
      assert.equal(failure?.kind, 'conflict', name);
      assert.match(failure!.message, new RegExp(`${path}.*: .*\\.$`), name);
    }
    assert.equal(readFileSync(join(folder, 'plain'), 'utf8'), 'x');
    assert.equal(lstatSync('/dev/null').isCharacterDevice(), true);
  });

  it('tells each change of a batch apart', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'folder'));
    const changes = [create(join(folder, 'a')), create(join(folder, 'folder')), create(join(folder, 'b'))];
    const outcomes = await createFileDriver().apply(changes);
    assert.deepEqual(
      outcomes.map(({ change, result }) => [change, result]),
      [
        [changes[0], 'done'],
        [changes[1], 'failed'],
        [changes[2], 'done'],
      ],
    );
  });

  it('removes what a crash left, and nothing else', async (t) => {
    const folder = temporaryFolder(t);
    const gone = Number(execFileSync('sh', ['-c', 'echo $$']));
    const left = `.subnet.env.selvage-${gone}-00c0ffee`;
    const kept = [
      `.subnet.env.selvage-${process.ppid}-00c0ffee`, // of a process that runs
      `.subnet.env.selvage-${gone}-mine`,
      `.other.env.selvage-${gone}-00c0ffee`,
      '.subnet.env123456', // flannel's own
    ];
    for (const name of [left, ...kept]) writeFileSync(join(folder, name), 'x');
    await applyOne(create(join(folder, 'subnet.env')));
    assert.deepEqual(readdirSync(folder).sort(), [...kept, 'subnet.env'].sort());
  });
});

describe('deleting a file', () => {
  it('deletes what was seen; what is gone is no failure', async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    writeFileSync(path, ENV);
    assert.equal((await applyOne(remove(path))).result, 'done');
    assert.equal(existsSync(path), false);
    assert.equal((await applyOne(remove(path))).result, 'noop');
  });

  it('leaves what has changed since', async (t) => {
    const path = join(temporaryFolder(t), 'subnet.env');
    writeFileSync(path, 'changed');
    const outcome = await applyOne(remove(path));
    assert.equal(outcome.failure?.kind, 'conflict');
    assert.equal(readFileSync(path, 'utf8'), 'changed');
  });
});

describe('editing a file of somebody else’s (daemon.json)', () => {
  const edit = (path: string, of: string | undefined, content: string): Change => ({
    op: 'update',
    id: `file ${path}`,
    reason: 'differs: mtu',
    want: { ...file(path, content), flag: '--docker-daemon-json', edit: { of, want: { mtu: 2 }, have: { mtu: 1 } } },
    have: file(path, of ?? ''),
    fields: ['mtu'],
    recreate: false,
  });

  it('keeps the previous one beside it, whatever there is already, and the mode of both', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'daemon.json');
    writeFileSync(path, '{"mtu":1}');
    chmodSync(path, 0o640);
    for (let mtu = 1; mtu < 13; mtu++) {
      const outcome = await applyOne(edit(path, `{"mtu":${mtu}}`, `{"mtu":${mtu + 1}}`));
      assert.equal(outcome.result, 'done');
      assert.equal(readFileSync(`${path}.selvage-previous`, 'utf8'), `{"mtu":${mtu}}`);
    }
    assert.equal(readFileSync(path, 'utf8'), '{"mtu":13}');
    assert.deepEqual([modeOf(path), modeOf(`${path}.selvage-previous`)], [0o640, 0o640]);
    assert.deepEqual(readdirSync(folder).sort(), ['daemon.json', 'daemon.json.selvage-previous']);
  });

  it('writes nothing over what somebody else has written since, or made or removed', async (t) => {
    const path = join(temporaryFolder(t), 'daemon.json');
    const removed = await applyOne(edit(path, '{"mtu":1}', '{"mtu":2}'));
    assert.deepEqual([removed.result, removed.failure?.kind, existsSync(path)], ['failed', 'transient', false]);
    for (const [there, of] of [
      ['{"mtu":1} ', '{"mtu":1}'],
      ['{}', undefined],
    ] as const) {
      writeFileSync(path, there);
      const changed = await applyOne(edit(path, of, '{"mtu":2}'));
      assert.match(changed.failure?.message ?? '', /was changed by somebody else just now/);
      assert.equal(readFileSync(path, 'utf8'), there);
    }
    assert.equal(existsSync(`${path}.selvage-previous`), false);
  });

  it('a new one needs no previous one; a failure names the right flag', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'docker', 'daemon.json');
    assert.equal((await applyOne(edit(path, undefined, '{"mtu":2}'))).result, 'done');
    assert.deepEqual(readdirSync(join(folder, 'docker')), ['daemon.json']);
    const inFile = await applyOne(edit(join(path, 'below'), undefined, '{}'));
    assert.match(inFile.failure?.message ?? '', /--docker-daemon-json/);
  });

  it('an options file of mk-docker-opts.sh is made again at any time: no copy is kept', async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'docker_opts.env');
    for (const old of [
      'DOCKER_OPT_BIP="--bip=10.5.1.1/24"\n',
      'DOCKER_NETWORK_OPTIONS=" --bip=10.5.1.1/24 --mtu=1450"\n',
    ]) {
      writeFileSync(path, old);
      assert.equal((await applyOne(create(path, 'DOCKER_OPTS=" --bip=10.5.2.1/24"\n'))).result, 'done');
    }
    assert.deepEqual(readdirSync(folder), ['docker_opts.env']);
  });
});
