import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Change } from '../../../../reconciler/contracts/driver.ts';
import { type FileResource, idOf, type Link, type Want } from '../../../../reconciler/kinds/index.ts';
import { buildReport } from '../../../../reconciler/report/build-report.ts';
import { renderCommands } from '../../../../reconciler/report/commands.ts';
import { inputOf, linkUpdate, peerChanges } from '../../../helpers/report.ts';
import { instanceOf, linkWant, overlayOf, peersOf, peerWants } from '../../../helpers/wants.ts';

const overlay = overlayOf({ instance: instanceOf('/coreos.com/network', '10.5.0.0/16') });
const link = linkWant(overlay) as Link;
const peerOnes = peerWants(overlay, peersOf(1, 9)[0]!);

function script(changes: Change[], wants: Want[] = []): string {
  const report = buildReport(inputOf({ mode: 'drift', changes }));
  return renderCommands({ report, changes, wants });
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const update = (want: Link, have: Link, recreate: boolean, fields: string[]): Change => {
  return { op: 'update', id: idOf(want), reason: 'differs', want, have, fields, recreate };
};

describe('the repair as commands', () => {
  it('puts what is added and removed into batches of the tool, in the order given', () => {
    const changes = [...peerChanges('create', 3).toReversed(), ...peerChanges('delete', 4)];
    assert.deepEqual(lines(script(changes)), [
      'set -eu',
      "ip -batch - <<'END'",
      ...lines(script(changes)).slice(2, 6),
      'END',
    ]);
    assert.match(script(changes), /\n# route: missing\nroute add 10\.5\.3\.0\/24 table 254 nhid \d+ protocol 115\n/);
    assert.match(script(changes), /\nroute del 10\.5\.4\.0\/24 table 254 nhid \d+ protocol 115\n/);
    assert.match(script(changes), /\nneighbour del 10\.5\.4\.0 dev flannel\.1\n/);
  });

  it('puts back all on a device that is made anew, and only that is added which was never there', () => {
    const again = lines(script([update(link, { ...link, type: 'dummy' }, true, ['type'])], [link, ...peerOnes]));
    assert.equal(again[2], 'link delete dev flannel.1');
    assert.match(again[3]!, /^link add name flannel\.1 txqueuelen 0 .*type vxlan id 1 /);
    assert.deepEqual(
      again.filter((line) => / replace /.test(line)).map((line) => line.split(' ')[0]),
      peerOnes.map(({ kind }) => kind),
    );
  });

  it('puts ARP back after a change of MAC, which flushes it', () => {
    const want = { ...link, mac: '02:00:00:00:00:01' };
    const put = lines(
      script([update(want, { ...want, mac: '02:00:00:00:00:02' }, false, ['mac'])], [want, ...peerOnes]),
    );
    assert.ok(put.includes('link set dev flannel.1 address 02:00:00:00:00:01'));
    assert.equal(put.filter((line) => / replace /.test(line)).length, 1);
    assert.match(put.join('\n'), /^neighbour replace 10\.5\.9\.0 /m);
  });

  it('changes of a link no more than differs', () => {
    assert.deepEqual(lines(script([linkUpdate])).slice(2, -1), [
      'link set dev flannel.1 type vxlan local 192.0.2.1',
      `link set dev flannel.1 mtu ${(linkUpdate as Extract<Change, { op: 'update' }> & { want: Link }).want.mtu}`,
    ]);
  });

  it('gives the shell, quoted, what a batch would take apart', () => {
    const have = { kind: 'address' as const, dev: "a#b'$(id)", address: '10.5.0.1/32' };
    const text = script([{ op: 'delete', id: idOf(have), reason: 'not wanted', have }]);
    assert.deepEqual(lines(text), ['set -eu', "ip address del 10.5.0.1/32 dev 'a#b'\\''$(id)'"]);
  });

  it('says what no script can do', () => {
    const report = buildReport(
      inputOf({ otherDrift: [{ op: 'create', kind: 'lease', key: '/a\nrm -rf', reason: 'this host has no lease' }] }),
    );
    const text = renderCommands({ report, changes: [], wants: [] });
    assert.match(text, /^# Not in this script: create lease \/a\\x0arm -rf: this host has no lease$/m);
    assert.deepEqual(lines(text), ['set -eu']);
  });
});

describe('a file as commands', () => {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-commands-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "it's here", 'daemon.json');
  const file = (content: string, more: Partial<FileResource> = {}): FileResource => {
    return { kind: 'file', path, content, mode: 0o600, ...more };
  };
  const run = (change: Change) => spawnSync('sh', { input: script([change]), encoding: 'utf8' });

  it('makes it with its mode, also where the folder is missing and the last line has no end', () => {
    for (const content of ['A=1\nEND\n', "B='2' $HOME"]) {
      rmSync(join(folder, "it's here"), { recursive: true, force: true });
      const want = file(content);
      assert.equal(run({ op: 'create', id: idOf(want), reason: 'missing', want }).stderr, '');
      assert.equal(readFileSync(path, 'utf8'), content);
      assert.equal(statSync(path).mode & 0o777, 0o600);
    }
  });

  it('edits one only as long as it is the one that was read, keeps its mode and what it was', () => {
    const edit = { of: '{"old":1}\n', want: { bip: 'x' }, have: {} };
    const [want, have] = [file('{"new":1}\n', { edit }), file(edit.of)];
    const change: Change = {
      op: 'update',
      id: idOf(want),
      reason: 'differs',
      want,
      have,
      fields: ['bip'],
      recreate: false,
    };
    writeFileSync(path, 'somebody was quicker\n');
    assert.notEqual(run(change).status, 0);
    assert.equal(readFileSync(path, 'utf8'), 'somebody was quicker\n');
    writeFileSync(path, edit.of, { mode: 0o600 });
    assert.equal(run(change).stderr, '');
    assert.deepEqual(
      [readFileSync(path, 'utf8'), readFileSync(`${path}.selvage-previous`, 'utf8')],
      ['{"new":1}\n', edit.of],
    );
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});
