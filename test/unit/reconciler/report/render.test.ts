import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeldEntry } from '../../../../reconciler/contracts/report.ts';
import { buildReport, type ReportInput } from '../../../../reconciler/report/build-report.ts';
import { PLAIN_LOOK } from '../../../../reconciler/report/draw.ts';
import { render } from '../../../../reconciler/report/render.ts';
import { inputOf, linkUpdate, peerChanges } from '../../../helpers/report.ts';

const report = (parts: Partial<ReportInput> = {}) => buildReport(inputOf(parts));
const held: HeldEntry = {
  kind: 'route',
  key: '254|10.5.9.0/24|0|0',
  why: 'foreign route',
  detail: 'It is theirs.',
  unmet: true,
};
const peerOf: ReportInput['peerOf'] = (id) =>
  id === 'route 254|10.5.9.0/24|0|0' ? { subnet: '10.5.9.0/24', publicIP: '192.0.2.9' } : undefined;
const many = Array.from({ length: 4096 }, (_, n) => peerChanges('create', n)[0]!);

describe('render, table', () => {
  it('says in one line that nothing is to do', () => {
    assert.equal(
      render(report(), 'table'),
      'web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases,\netcd-v3 revision 42\n\nNo drift: converged.\n',
    );
  });

  it('names who had changed what was put back, where that is known', () => {
    const [change] = peerChanges('create', 9);
    const culprits = new Map([[change!.id, { name: 'nft', pid: 4711 }]]);
    const made = report({ changes: [change!], culprits });
    assert.deepEqual(made.drift[0]?.by, { name: 'nft', pid: 4711 });
    assert.match(render(made, 'table', { ...PLAIN_LOOK, width: 200 }), /missing; by nft \(process 4711\)/);
    assert.match(render(made, 'markdown'), /by nft \(process 4711\)/);
    assert.equal('by' in report({ changes: [change!] }).drift[0]!, false);
  });

  it('lists drift as the tools print it, with the host that it is for, and what is held', () => {
    const changes = [linkUpdate, ...peerChanges('delete', 9)];
    const text = render(report({ mode: 'drift', changes, held: [held], peerOf }), 'table');
    assert.equal(
      text,
      `web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases,
etcd-v3 revision 42

   WHAT                                 WHY                       FOR
~  link       flannel.1                 mtu, local address
                mtu 1400 → 1450         differ
                vxlan.local "" →
                192.0.2.1
-  route      10.5.9.0/24 via 10.5.9.0  not wanted                host 192.0.2.9
              dev flannel.1 onlink
-  neighbour  10.5.9.0 dev flannel.1    not wanted
              lladdr 02:00:00:00:09:01
              PERMANENT

Held:
  route 10.5.9.0/24: foreign route (unmet)
    It is theirs.

3 differences (1 to update, 2 to delete), 1 held, 1 unmet: not in sync.
`,
    );
  });

  it('says how a repair went', () => {
    const changes = peerChanges('create', 9);
    const failure = { kind: 'invalid', code: 'EINVAL', message: 'The kernel refused it.' } as const;
    const outcomes = [
      { change: changes[0]!, result: 'failed', failure } as const,
      { change: changes[1]!, result: 'blocked' } as const,
    ];
    const text = render(report({ changes, outcomes }), 'table');
    assert.match(text, /neighbour +10\.5\.9\.0 dev flannel\.1/);
    assert.match(text.replace(/\s+/g, ' '), /failed: .*The kernel/);
    assert.match(text, /missing; *$|missing; blocked/m);
    assert.match(
      text.replace(/\s+/g, ' '),
      /2 differences \(2 to create\), 0 of 2 repaired, 1 failed, 1 blocked: not converged\./,
    );
  });

  it('makes one line of more than twenty that are alike, and with all a line of each', () => {
    const whole = report({ changes: many });
    const text = render(whole, 'table');
    assert.ok(text.split('\n').length < 16, text);
    assert.match(text.replace(/\s+/g, ' '), /neighbour 4,096 of them: 10\.5\.0\.0 dev flannel\.1 .*; …/);
    assert.match(text, /--all shows each/);
    const each = render(whole, 'table', { ...PLAIN_LOOK, all: true });
    assert.ok(each.split('\n').length > 4096);
    const twenty = render(report({ changes: many.slice(0, 20) }), 'table');
    assert.doesNotMatch(twenty, /of them/);
  });

  it('fits its width, without cutting a word', () => {
    const changes = [linkUpdate, ...peerChanges('create', 9), ...peerChanges('delete', 10)];
    const long = { ...held, detail: 'A sentence that says what it is and what to do about it. '.repeat(5) };
    for (const width of [60, 80, 132]) {
      const text = render(report({ changes, held: [long], peerOf }), 'table', { ...PLAIN_LOOK, width });
      for (const line of text.split('\n')) assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
      for (const word of ['02:00:00:00:09:01', '10.5.10.0/24', 'flannel.1', '192.0.2.1'])
        assert.ok(text.includes(word), word);
    }
  });

  it('has colours only where they are wanted', () => {
    const coloured = render(report({ changes: [linkUpdate] }), 'table', { ...PLAIN_LOOK, color: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told
    const colours = /\u001b\[\d+m/g;
    assert.match(coloured, colours);
    assert.equal(coloured.replace(colours, ''), render(report({ changes: [linkUpdate] }), 'table'));
  });

  it('shows control characters of keys instead of sending them to the terminal', () => {
    const evil = { ...held, kind: 'peer' as const, key: 'a\u001b[2Jb\nc', detail: 'x\u0007' };
    const text = render(report({ held: [evil] }), 'table');
    assert.match(text, /a\\x1b\[2Jb\\x0ac/);
    assert.match(text, /x\\x07/);
  });

  it('says what is not known', () => {
    const source = { kind: 'cache', revision: '7', complete: false, leases: 1 };
    const text = render(report({ source, network: { network: '', subnet: '', backend: '', mtu: 0 } }), 'table');
    assert.match(text, /: no network configured; 1 lease, cache revision 7\n\(incomplete: nothing is deleted\)\n/);
  });
});

describe('render, markdown', () => {
  it('is a document of its own', () => {
    const text = render(report({ mode: 'drift', changes: [linkUpdate], held: [held] }), 'markdown');
    assert.equal(
      text,
      `## selvage: web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases, etcd-v3 revision 42

### Drift

| op | what |  | why | for |
| --- | --- | --- | --- | --- |
| update | link | flannel.1; mtu 1400 → 1450; vxlan.local "" → 192.0.2.1 | mtu, local address differ |  |

### Held

| what |  | why | detail |
| --- | --- | --- | --- |
| route | 10.5.9.0/24 | foreign route (unmet) | It is theirs. |

**1 difference (1 to update), 1 held, 1 unmet: not in sync.**
`,
    );
  });

  it('makes one line of many that are alike as well', () => {
    assert.match(render(report({ changes: many }), 'markdown'), /\| neighbour \| 4,096 of them: /);
  });
});

describe('render, json', () => {
  it('is the report, whole', () => {
    const whole = report({ changes: many, held: [held] });
    const text = render(whole, 'json');
    assert.deepEqual(JSON.parse(text), whole);
    assert.ok(text.startsWith('{"version":1,') && text.endsWith('}\n'), 'nobody reads so much by eye');
  });

  it('is indented while somebody may read it', () => {
    const few = report({ changes: peerChanges('create', 9), held: [held] });
    const text = render(few, 'json');
    assert.deepEqual(JSON.parse(text), few);
    assert.ok(text.startsWith('{\n  "version": 1,\n') && text.endsWith('}\n'));
  });

  it('says beside each key what the tools call it, and whom it is for', () => {
    const { drift, held: holds } = report({ changes: peerChanges('create', 9), held: [held], peerOf });
    assert.deepEqual(
      drift.map(({ kind, text, peer }) => [kind, text, peer]),
      [
        ['neighbour', '10.5.9.0 dev flannel.1 lladdr 02:00:00:00:09:01 PERMANENT', undefined],
        ['route', '10.5.9.0/24 via 10.5.9.0 dev flannel.1 onlink', { subnet: '10.5.9.0/24', publicIP: '192.0.2.9' }],
      ],
    );
    assert.deepEqual([holds[0]?.key, holds[0]?.text], ['254|10.5.9.0/24|0|0', '10.5.9.0/24']);
  });
});
