/** Owns made-up changes and rounds for tests of the report. */

import type { Change } from '../../reconciler/contracts/driver.ts';
import { idOf, type Link, type Want } from '../../reconciler/kinds/index.ts';
import type { ReportInput } from '../../reconciler/report/build-report.ts';
import { vxlanOf } from './tunnels.ts';
import { instanceOf, linkWant, overlayOf, peersOf, peerWants } from './wants.ts';

const overlay = overlayOf({ instance: instanceOf('/coreos.com/network', '10.5.0.0/16') });
const want: Link = linkWant(overlay);
const have: Link = { ...want, mtu: 1400, tunnel: vxlanOf(want, { local: '' }) };

export const linkUpdate: Change = {
  op: 'update',
  id: idOf(want),
  reason: 'mtu, local address differ',
  want,
  have,
  fields: ['mtu', 'vxlan.local'],
  recreate: false,
};

/** ARP entry and route of the peer with that block. */
export function peerChanges(op: 'create' | 'delete', block: number): Change[] {
  const wants: Want[] = peerWants(overlay, peersOf(1, block)[0]!).filter(
    ({ kind }) => kind === 'neighbour' || kind === 'route',
  );
  return wants.map((one) =>
    op === 'create'
      ? { op, id: idOf(one), reason: 'missing', want: one }
      : { op, id: idOf(one), reason: 'not wanted', have: one },
  );
}

export const inputOf = (parts: Partial<ReportInput> = {}): ReportInput => ({
  mode: 'once',
  at: 0,
  durationMs: 12,
  host: { hostname: 'web1', iface: 'eth0', publicIP: '192.0.2.1' },
  source: { kind: 'etcd-v3', revision: '42', complete: true, leases: 3 },
  network: { network: '10.5.0.0/16', subnet: '10.5.1.0/24', backend: 'vxlan', mtu: 1450 },
  changes: [],
  held: [],
  ...parts,
});
