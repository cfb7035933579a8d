import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Report } from '../../../reconciler/contracts/report.ts';
import { reportLine } from '../../../states/status-line.ts';

function report(changes: {
  subnet?: string;
  leases?: number;
  held?: number;
  failed?: number;
  converged?: boolean;
  kind?: string;
}): Report {
  const { subnet = '10.5.219.0/24', leases = 3, held = 0, failed = 0, converged = true, kind = 'etcd-v3' } = changes;
  return {
    version: 1,
    mode: 'run',
    at: '2026-01-01T00:00:00.000Z',
    durationMs: 1,
    host: { hostname: 'web1', iface: 'eth0', publicIP: '192.168.64.2' },
    source: { kind, revision: '7', complete: true, leases },
    network: { network: '10.5.0.0/16', subnet, backend: 'vxlan', mtu: 1450 },
    drift: [],
    outcomes: [],
    held: [],
    summary: { create: 0, update: 0, delete: 0, held, failed },
    converged,
  };
}

test('how a host is, in a line', () => {
  const lines: [Parameters<typeof report>[0], string][] = [
    [{}, '10.5.219.0/24, 2 peers, in sync'],
    [{ leases: 2 }, '10.5.219.0/24, 1 peer, in sync'],
    [{ leases: 1 }, '10.5.219.0/24, 0 peers, in sync'],
    [{ held: 1 }, '10.5.219.0/24, 2 peers, in sync, 1 held'],
    [{ held: 2, failed: 1, converged: false }, '10.5.219.0/24, 2 peers, not in sync, 1 failed, 2 held'],
    [{ subnet: '', leases: 2, converged: false }, 'no subnet, 2 peers, not in sync'],
    [{ kind: 'cache' }, '10.5.219.0/24, 2 peers, in sync, from the last good copy'],
  ];
  for (const [changes, line] of lines) assert.equal(reportLine(report(changes)), line);
});
