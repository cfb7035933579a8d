import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeldEntry } from '../../../../reconciler/contracts/report.ts';
import { buildReport, type ReportInput } from '../../../../reconciler/report/build-report.ts';
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
const many = Array.from({ length: 4096 }, (_, n) => peerChanges('create', n)[0]!);

describe('render, table', () => {
  it('says in one line that nothing is to do', async () => {
    assert.equal(
      await render(report(), 'table'),
      'web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases, etcd-v3 revision 42\n\nNo drift: converged.\n',
    );
  });

  it('lists drift and what is held', async () => {
    const changes = [linkUpdate, ...peerChanges('delete', 9)];
    const text = await render(report({ mode: 'drift', changes, held: [held] }), 'table');
    assert.equal(
      text,
      `web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases, etcd-v3 revision 42

OP      WHAT       KEY                  REASON
update  link       flannel.1            mtu, local address differ
delete  route      254|10.5.9.0/24|0|0  not wanted
delete  neighbour  flannel.1|10.5.9.0   not wanted

HELD   KEY                  WHY                    DETAIL
route  254|10.5.9.0/24|0|0  foreign route (unmet)  It is theirs.

3 differences (1 to update, 2 to delete), 1 held, 1 unmet: not in sync.
`,
    );
  });

  it('says how a repair went', async () => {
    const changes = peerChanges('create', 9);
    const failure = { kind: 'invalid', code: 'EINVAL', message: 'The kernel refused it.' } as const;
    const outcomes = [
      { change: changes[0]!, result: 'failed', failure } as const,
      { change: changes[1]!, result: 'blocked' } as const,
    ];
    const text = await render(report({ changes, outcomes }), 'table');
    assert.match(text, /neighbour +flannel\.1\|10\.5\.9\.0 +missing; failed: The kernel refused it\./);
    assert.match(text, /missing; blocked$/m);
    assert.match(text, /2 differences \(2 to create\), 0 of 2 repaired, 1 failed, 1 blocked: not converged\./);
  });

  it('shows fifty rows and counts the others', async () => {
    const text = await render(report({ changes: many }), 'table');
    assert.match(text, /and 4,046 more/);
    assert.ok(text.split('\n').length < 60);
  });

  it('shows control characters of keys instead of sending them to the terminal', async () => {
    const evil = { ...held, key: 'a\u001b[2Jb\nc', detail: 'x\u0007' };
    const text = await render(report({ held: [evil] }), 'table');
    assert.match(text, /a\\x1b\[2Jb\\x0ac/);
    assert.match(text, /x\\x07/);
  });

  it('says what is not known', async () => {
    const source = { kind: 'cache', revision: '7', complete: false, leases: 1 };
    const text = await render(report({ source, network: { network: '', subnet: '', backend: '', mtu: 0 } }), 'table');
    assert.match(text, /: no network configured; 1 lease, cache revision 7 \(incomplete: nothing is deleted\)\n/);
  });
});

describe('render, markdown', () => {
  it('is a document of its own', async () => {
    const text = await render(report({ mode: 'drift', changes: [linkUpdate], held: [held] }), 'markdown');
    assert.equal(
      text,
      `## selvage: web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases, etcd-v3 revision 42

### Drift

| op | what | key | reason |
| --- | --- | --- | --- |
| update | link | flannel.1 | mtu, local address differ |

### Held

| what | key | why | detail |
| --- | --- | --- | --- |
| route | 254\\|10.5.9.0/24\\|0\\|0 | foreign route (unmet) | It is theirs. |

**1 difference (1 to update), 1 held, 1 unmet: not in sync.**
`,
    );
  });

  it('shows fifty rows as well', async () => {
    assert.match(await render(report({ changes: many }), 'markdown'), /^…and 4,046 more/m);
  });
});

describe('render, json', () => {
  it('is the report, whole', async () => {
    const whole = report({ changes: many, held: [held] });
    const text = await render(whole, 'json');
    assert.deepEqual(JSON.parse(text), whole);
    assert.ok(text.startsWith('{\n  "version": 1,\n') && text.endsWith('}\n'));
  });
});
