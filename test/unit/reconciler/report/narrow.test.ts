/** A terminal of 40 columns: nothing that one would copy is cut, and no line is longer but for one long word. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { doctorDocument } from '../../../../reconciler/doctor/document.ts';
import { renderDoctor } from '../../../../reconciler/doctor/render.ts';
import { summaryOf } from '../../../../reconciler/fleet/summary.ts';
import { buildReport } from '../../../../reconciler/report/build-report.ts';
import type { Look } from '../../../../reconciler/report/draw.ts';
import { fleetDocument, renderFleet } from '../../../../reconciler/report/fleet.ts';
import { type LeasesDocument, renderLeases } from '../../../../reconciler/report/leases.ts';
import { renderStatus } from '../../../../reconciler/report/status.ts';
import { renderTable } from '../../../../reconciler/report/table.ts';
import { factsOf, heldOf, lookWith } from '../../../helpers/facts.ts';
import { inputOf, linkUpdate, peerChanges } from '../../../helpers/report.ts';
import { statusWith } from '../../../helpers/status.ts';

const held = [
  {
    kind: 'peer' as const,
    key: '10.5.9.0/24',
    why: 'own address',
    detail: 'Delete /coreos.com/network/subnets/10.5.9.0-24, if no other host is behind that address.',
    unmet: false,
  },
];
const report = buildReport(
  inputOf({
    changes: [linkUpdate, ...peerChanges('create', 201), ...peerChanges('delete', 202)],
    held,
    peerOf: () => ({ subnet: '10.5.201.0/24', publicIP: '192.168.164.201' }),
  }),
);
const leases: LeasesDocument = {
  version: 1,
  source: { kind: 'etcd-v3', revision: '1234567' },
  network: { network: '10.5.0.0/16', backend: 'vxlan', subnetLen: 24 },
  leases: [
    {
      subnet: '10.5.201.0/24',
      publicIP: '192.168.164.201',
      backend: 'vxlan',
      vni: 1,
      vtepMAC: '02:00:00:00:00:01',
      timeLeft: 80_000,
      key: '/coreos.com/network/subnets/10.5.201.0-24',
      problems: ['/coreos.com/network/subnets/10.5.202.0-24 has the same public IP.'],
    },
  ],
  held,
};
const words = new Map([['10.5.201.0/24', { summary: summaryOf(statusWith(), report), heard: 7 }]]);
const status = { ...statusWith(), held: report.held };
const doctor = doctorDocument(
  factsOf({ look: lookWith({ held: [heldOf('sysctl', 'forwarding is off')] }) }),
  'web1',
  3,
);

const TABLES: Record<string, (look: Look) => string> = {
  'drift, --once': (look) => renderTable(report, look),
  leases: (look) => renderLeases(leases, 'table', look),
  fleet: (look) => renderFleet(fleetDocument(leases, words, false), 'table', look),
  status: (look) => renderStatus(status, 'table', look),
  doctor: (look) => renderDoctor(doctor, 'table', look),
};
const wordsOf = (text: string): string[] => [...new Set(text.split(/\s+/))];

describe('in 40 columns', () => {
  for (const [what, render] of Object.entries(TABLES))
    it(what, () => {
      const [narrow, wide] = [40, 1000].map((width) => render({ width, color: false, all: true })) as [string, string];
      const there = new Set(wordsOf(narrow));
      assert.deepEqual(
        // Heads of columns that are empty are left out.
        wordsOf(wide).filter((word) => !there.has(word) && !/^[A-Z]+$/.test(word)),
        [],
        narrow,
      );
      for (const line of narrow.split('\n'))
        assert.ok(line.length <= 40 || /^\s*((see|.* {2,}) ?)?\S+$/.test(line), `${line}\n${narrow}`);
    });
});
