import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Summary } from '../../../../reconciler/fleet/summary.ts';
import { summaryOf } from '../../../../reconciler/fleet/summary.ts';
import { fleetDocument, renderFleet, type Word } from '../../../../reconciler/report/fleet.ts';
import type { LeasesDocument } from '../../../../reconciler/report/leases.ts';
import { fleetSchema } from '../../../../reconciler/report/schema.ts';
import { statusWith } from '../../../helpers/status.ts';

const lease = (n: number, problems: string[] = []) => ({
  subnet: `10.5.${n}.0/24`,
  publicIP: `192.168.64.${n}`,
  backend: 'vxlan',
  timeLeft: 80_000,
  key: `/coreos.com/network/subnets/10.5.${n}.0-24`,
  problems,
});
const leases: LeasesDocument = {
  version: 1,
  source: { kind: 'etcd-v3', revision: '42' },
  network: { network: '10.5.0.0/16', backend: 'vxlan', subnetLen: 24 },
  leases: [lease(1), lease(2), lease(3, ["Its backend is host-gw, the network's is vxlan."]), lease(4)],
  held: [],
};
const word = (n: number, parts: Partial<Summary> = {}): [string, Word] => {
  const summary = { ...summaryOf(statusWith(), undefined), hostname: `web${n}`, publicIP: `192.168.64.${n}`, ...parts };
  return [`10.5.${n}.0/24`, { summary, heard: 7.4 }];
};
const words = new Map([
  word(1, { docker: '10.5.1.1/24' }),
  word(2, {
    inSync: false,
    held: 1,
    wrong: ['Remove that address.'],
    unreachable: { subnets: ['10.5.9.0/24'], count: 3 },
  }),
  word(8),
]);

describe('the fleet', () => {
  it('is every lease, with what its host says of itself', () => {
    const document = fleetSchema.parse(fleetDocument(leases, words, false));
    assert.deepEqual(document.summary, { hosts: 5, inSync: 2, notInSync: 1, silent: 2, wrong: 3 });
    assert.deepEqual(
      document.hosts.map(({ subnet, state, wrong }) => [subnet, state, wrong.length]),
      [
        ['10.5.1.0/24', 'in sync', 0],
        ['10.5.2.0/24', 'not in sync', 1],
        ['10.5.3.0/24', 'silent', 1],
        ['10.5.4.0/24', 'silent', 0],
        ['10.5.8.0/24', 'in sync', 1],
      ],
    );
    assert.match(document.hosts[4]?.wrong[0] ?? '', /of which there is no lease/);
  });

  it('knows who has given no sign of life for too long', () => {
    const [subnet, { summary }] = word(1);
    const [host] = fleetDocument(leases, new Map([[subnet, { summary, heard: 90 }]]), false).hosts;
    assert.match(host?.wrong[0] ?? '', /no sign of life for 90 s/);
  });

  it('with --wrong is those with something wrong, and counts all', () => {
    const { hosts, summary } = fleetDocument(leases, words, true);
    assert.deepEqual(
      hosts.map(({ subnet }) => subnet),
      ['10.5.2.0/24', '10.5.3.0/24', '10.5.8.0/24'],
    );
    assert.equal(summary.hosts, 5);
  });

  it('is a table in 80 columns, or markdown', () => {
    const document = fleetDocument(leases, words, false);
    const text = renderFleet(document, 'table');
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    const flat = text.replace(/\s+/g, ' ');
    assert.match(flat, /SUBNET +HOST +VERSION +HOW IT IS +DOCKER +HEARD/);
    assert.match(flat, /10\.5\.4\.0\/24 192\.168\.64\.4 says nothing/);
    assert.match(flat, /5 hosts: 2 in sync, 1 not in sync, 2 silent; something is wrong with 3\./);
    const markdown = renderFleet(document, 'markdown');
    assert.match(markdown, /^## selvage: 10\.5\.0\.0\/16, vxlan; etcd-v3 revision 42\n\n\| SUBNET \|/);
    assert.match(markdown, /not in sync, 1 held, can't reach 3: 10\.5\.9\.0\/24, …; Remove that address\./);
  });

  it('of nobody is a line', () => {
    const empty = { ...leases, leases: [] };
    assert.match(renderFleet(fleetDocument(empty, new Map(), false), 'table'), /0 hosts: 0 in sync/);
  });
});
