/** Owns how a round and what the agent knows become the report. */

import type { DriftEntry, Report, Told } from '../reconciler/contracts/report.ts';
import type { Scope } from '../reconciler/contracts/scope.ts';
import { buildReport, type ReportInput } from '../reconciler/report/build-report.ts';
import type { Companion } from './companion.ts';
import type { AgentDeps } from './deps.ts';
import type { Round } from './round.ts';
import type { Shared } from './shared.ts';

/** What there is to tell beside what is known anyway. */
interface Made {
  round?: Round;
  /** When it began, ms since the epoch. */
  at: number;
  /** What was found that is no resource of the host: of our lease. */
  otherDrift: DriftEntry[];
  /** The companions that looked in that round. */
  looked?: readonly Companion[];
}

/** `complete`: the store is heard and nothing of desired state is missing. */
export function reportOf(
  { deps, mode, state, held, companions, lastGood }: Shared,
  complete: boolean,
  made: Made,
): Report {
  const told = (made.looked ?? []).map((companion) => companion.report());
  const { mirror, host, usable, desired, lease } = state;
  return buildReport({
    mode,
    at: made.at,
    durationMs: Math.max(0, Math.round(deps.clock.now() - made.at)),
    host: {
      hostname: deps.host.hostname,
      iface: host.current?.uplink.name ?? '',
      publicIP: host.current?.publicIP ?? '',
    },
    source: {
      kind: deps.source.kind,
      revision: String(mirror.revision),
      complete,
      leases: mirror.leases.size,
      ...lastGood.source,
    },
    network: {
      network: mirror.config?.network ?? '',
      subnet: desired?.context.own.subnet ?? lease.current?.subnet ?? '',
      backend: mirror.config?.backend.type ?? '',
      mtu: usable && host.current ? usable.backend.mtu({ config: usable.config, host: host.current }) : 0,
    },
    changes: made.round?.drift ?? [],
    otherDrift: [...made.otherDrift, ...told.flatMap(({ drift }) => drift)],
    outcomes: made.round?.outcomes ?? [],
    otherOutcomes: told.flatMap(({ outcomes }) => outcomes),
    held,
    peerOf: peerOf(state),
    culprits: new Map(told.flatMap(({ culprits }) => [...(culprits ?? [])])),
    sections: companions.sections,
  });
}

/** Of a wanted thing the peer that wants it; of a peer itself its lease. One object a peer, whatever number of things it is there for. */
function peerOf({ mirror, desired }: Shared['state']): ReportInput['peerOf'] {
  const told = new Map<string, Told['peer']>();
  return (id) => {
    const subnet = id.startsWith('peer ') ? id.slice('peer '.length) : desired?.peerOfId(id);
    if (subnet === undefined) return undefined;
    const known = told.get(subnet);
    if (known) return known;
    const lease = mirror.leases.get(subnet);
    if (!lease) return undefined;
    const peer = { subnet, publicIP: lease.attrs.publicIP };
    told.set(subnet, peer);
    return peer;
  };
}

/** A scope in a few words, for a log line. */
export function describeScope(scope: Scope): string {
  if (scope.all) return 'everything';
  const parts = [...[...scope.kinds].map((kind) => `all ${kind}s`), ...[...scope.links].map((link) => `under ${link}`)];
  parts.push(...scope.companions);
  if (scope.ids.size) parts.push(scope.ids.size > 8 ? `${scope.ids.size} keys` : [...scope.ids].join(', '));
  return parts.join('; ') || 'nothing';
}

/** What a person wants to know of the store when it has come to another state. */
export function sayStore(state: string, { source, log, options }: AgentDeps, revision: number): void {
  const { prefix } = options.etcd;
  if (state === 'watching') log.info({ revision }, `Watching ${prefix} in ${source.where} (${source.kind}).`);
}
