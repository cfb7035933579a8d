/** The Debian package, built twice: the same bytes, everything in its place, and the scripts and pages that Debian wants. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makePackage, nativeArchitecture } from '../../../packaging/package.mjs';

let folder: string;
let file: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), `selvage-deb-${process.pid}-`));
  file = await build('one');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function build(name: string): Promise<string> {
  const out = join(folder, name);
  mkdirSync(out);
  return makePackage({ architecture: nativeArchitecture!, withNode: false, out });
}

const dpkg = (...args: string[]) => execFileSync('dpkg-deb', args, { encoding: 'utf8', maxBuffer: 1 << 26 });

test('two builds are the same bytes, whatever the umask', async () => {
  const umask = process.umask(0o077);
  try {
    assert.ok(readFileSync(await build('two')).equals(readFileSync(file)), 'the second build differs');
  } finally {
    process.umask(umask);
  }
});

test('program, engine, cloud, units, pages and examples are where they belong', () => {
  const listed = dpkg('--contents', file);
  const paths = new Map(listed.split('\n').flatMap((line) => (line ? [[line.split(/\s+/)[5]!.slice(1), line]] : [])));
  for (const path of [
    '/usr/bin/selvage',
    '/usr/lib/selvage/selvage.cjs',
    '/usr/lib/selvage/udp-engine.cjs',
    '/usr/lib/selvage/cloud.cjs',
    '/usr/lib/selvage/node_modules/koffi/index.cjs',
    '/usr/lib/systemd/system/selvage.service',
    '/usr/lib/systemd/system/selvage-once.service',
    '/usr/lib/systemd/system/selvage-once.timer',
    '/etc/default/selvage',
    '/usr/share/man/man8/selvage.8.gz',
    '/usr/share/man/man5/selvage-config.5.gz',
    '/usr/share/bash-completion/completions/selvage',
    '/usr/share/zsh/vendor-completions/_selvage',
    '/usr/share/doc/selvage/copyright',
    '/usr/share/doc/selvage/from-flanneld.md',
    '/usr/share/doc/selvage/examples/docker.service.d/selvage-opts.conf',
    '/usr/share/doc/selvage/examples/openrc/selvage',
  ])
    assert.ok(paths.has(path), `${path} is not in\n${listed}`);
  assert.equal([...paths.keys()].filter((path) => path.endsWith('koffi.node')).length, 1);
  for (const [path, line] of paths) assert.match(line, / root\/root /, path);
  assert.ok(![...paths.keys()].some((path) => path.endsWith('.cache')), 'a code cache is never the same bytes twice');
});

test('it asks for a Node that is new enough, and keeps what a person writes into its configuration', () => {
  assert.match(dpkg('--field', file, 'Depends'), /^nodejs \(>= 20\), /);
  assert.equal(dpkg('--info', file, 'conffiles'), '/etc/default/selvage\n');
  for (const script of ['postinst', 'prerm', 'postrm']) {
    const text = dpkg('--info', file, script);
    assert.doesNotMatch(text, /@NODE@/);
    execFileSync('sh', ['-n'], { input: text });
  }
});

test('everything that is bundled is in the copyright file', () => {
  const script = 'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/share/doc/selvage/copyright';
  const text = execFileSync('sh', ['-c', script, file], { encoding: 'utf8' });
  for (const name of ['etcd3', 'xstate', 'aws4', 'fast-xml-parser', 'node_modules/*'])
    assert.ok(text.includes(name), name);
});
