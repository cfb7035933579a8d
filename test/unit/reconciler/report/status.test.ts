import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerStatus } from '../../../../reconciler/contracts/status.ts';
import { PLAIN_LOOK } from '../../../../reconciler/report/draw.ts';
import { statusSchema } from '../../../../reconciler/report/schema.ts';
import { renderStatus } from '../../../../reconciler/report/status.ts';
import { statusWith } from '../../../helpers/status.ts';

const table = (parts: Parameters<typeof statusWith>[0] = {}, all = false) =>
  renderStatus(statusWith(parts), 'table', { ...PLAIN_LOOK, all });

describe('the status for a person', () => {
  it('says how it is, what it does, and what was done last', () => {
    assert.equal(
      table(),
      `10.5.1.0/24, 2 peers, in sync

web1 (eth0, 192.0.2.1): 10.5.1.0/24 of 10.5.0.0/16, vxlan, MTU 1450; 3 leases,
etcd-v3 revision 42. selvage 1.2.3, pid 4711, for 3h; network at
/coreos.com/network.

       STATE     SINCE  WHAT
store  watching  2h59m  http://127.0.0.1:2379 (etcd-v3), revision 42
lease  held      2h59m  10.5.1.0/24, 21h left, renewed in 20h
work   idle      30s    181 rounds, 1 repair

Routes that were lost:
SUBNET       HOST          TIMES  LAST
10.5.9.0/24  192.168.64.9  1      1m20s ago

The last 2 rounds:
AGO    WOKEN BY      TOOK  WHAT WAS DONE
30s    the schedule  3 ms  nothing to do (everything)
1m20s  this host     2 ms  route 10.5.9.0/24 via 10.5.9.0 dev flannel.1 onlink
                           (host 192.168.64.9): missing; made again in 2 ms.
`,
    );
  });

  it('has no line longer than 80 columns, and shows many peers in ten lines', () => {
    const peers = Array.from(
      { length: 4096 },
      (_, i): PeerStatus => ({
        subnet: `10.${i >> 8}.${i & 255}.0/24`,
        publicIP: '192.168.64.9',
        state: 'served',
        lost: i,
        lostAt: '2026-01-01T11:58:40.000Z',
      }),
    );
    const text = table({ peers });
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(text, /10\.15\.255\.0\/24 +192\.168\.64\.9 +4095/);
    assert.match(text, /… 4,085 more peers: --all shows each/);
    assert.ok(table({ peers }, true).split('\n').length > 4000);
  });

  it('says what waits, and until when', () => {
    const retry = {
      kind: 'route',
      key: '254|10.5.9.0/24|0|0',
      why: 'Busy.',
      times: 3,
      nextAt: '2026-01-01T12:00:07.000Z',
    };
    const text = table({ retries: [retry, { ...retry, nextAt: null }] });
    assert.match(text, /route 10\.5\.9\.0\/24 +Busy\. +3 +in 7s/);
    assert.match(text, /when something changes/);
  });

  it('shows what comes from the store as text, in markdown too', () => {
    const host = { hostname: 'web1\u001b[31m|<img>', iface: 'eth0', publicIP: '192.0.2.1' };
    assert.ok(!table({ host }).includes('\u001b'));
    const markdown = renderStatus(statusWith({ host }), 'markdown');
    assert.match(markdown, /^## selvage: 10/);
    assert.ok(markdown.includes('\\|\\<img\\>'), markdown);
  });

  it('is a document, in one line for a stream of them', () => {
    assert.deepEqual(statusSchema.parse(JSON.parse(renderStatus(statusWith(), 'json'))), statusWith());
    assert.equal(renderStatus(statusWith(), 'json', PLAIN_LOOK, true).split('\n').length, 2);
  });
});
