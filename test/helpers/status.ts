/** Owns made-up statuses, for tests of who shows or serves them. */
import type { StatusSource } from '../../drivers/http/source.ts';
import type { Report } from '../../reconciler/contracts/report.ts';
import type { Status } from '../../reconciler/contracts/status.ts';
import { buildReport } from '../../reconciler/report/build-report.ts';
import { History } from '../../states/history.ts';
import { inputOf } from './report.ts';

/** A host in sync with two peers, at 12:00 of a day; the parts given stand in for its own. */
export function statusWith(parts: Partial<Status> = {}): Status {
  const at = '2026-01-01T12:00:00.000Z';
  const { host, network, source, held } = buildReport(inputOf({ mode: 'run' }));
  return {
    version: 1,
    at,
    line: '10.5.1.0/24, 2 peers, in sync',
    inSync: true,
    selvage: { version: '1.2.3', pid: 4711, since: '2026-01-01T09:00:00.000Z', prefix: '/coreos.com/network' },
    host,
    network,
    regions: {
      store: { state: 'watching', since: '2026-01-01T09:00:01.000Z' },
      lease: { state: 'held', since: '2026-01-01T09:00:01.000Z' },
      work: { state: 'idle', since: '2026-01-01T11:59:30.000Z' },
    },
    store: { ...source, where: 'http://127.0.0.1:2379' },
    lease: {
      subnet: '10.5.1.0/24',
      key: '/coreos.com/network/subnets/10.5.1.0-24',
      permanent: false,
      endsAt: '2026-01-02T09:00:00.000Z',
      secondsLeft: 75_600,
      renewAt: '2026-01-02T08:00:00.000Z',
    },
    retries: [],
    held,
    counts: { rounds: 181, failed: 0, found: 1, repaired: 1, routesLost: 1 },
    rounds: [
      {
        at: '2026-01-01T11:59:30.000Z',
        durationMs: 3,
        woken: ['schedule'],
        scope: 'everything',
        result: 'nothing',
        did: '',
        found: 0,
        repaired: 0,
      },
      {
        at: '2026-01-01T11:58:40.000Z',
        durationMs: 2,
        woken: ['host'],
        scope: 'route 254|10.5.9.0/24|0|0',
        result: 'repaired',
        did: 'route 10.5.9.0/24 via 10.5.9.0 dev flannel.1 onlink (host 192.168.64.9): missing; made again in 2 ms.',
        found: 1,
        repaired: 1,
      },
    ],
    peers: [
      { subnet: '10.5.7.0/24', publicIP: '192.168.64.7', state: 'served', lost: 0, lostAt: null },
      { subnet: '10.5.9.0/24', publicIP: '192.168.64.9', state: 'served', lost: 1, lostAt: '2026-01-01T11:58:40.000Z' },
    ],
    ...parts,
  };
}

/** What is served of such a host. */
export function sourceOf(parts: Partial<Status> = {}, report: Report | undefined = undefined): StatusSource {
  return {
    status: () => statusWith(parts),
    counts: () => new History(),
    overruns: () => 0,
    report: () => report,
    fleet: async () => undefined,
    subscribe: () => () => {},
    failure: (error) => {
      throw error;
    },
  };
}
