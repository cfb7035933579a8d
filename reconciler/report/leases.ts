/** Owns the answer of `selvage leases`: the network as the store has it, who holds what and for how long, and what is wrong with it. */

import { formatDuration } from '../../config/duration.ts';
import { foreign } from '../../config/foreign-text.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import { backendFor, identityOf, leaseData, mismatches } from '../backends/index.ts';
import type { Host } from '../contracts/host.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { Source } from '../contracts/source.ts';
import { isPermanent } from '../contracts/source.ts';
import { Refusals } from '../desired/refusals.ts';
import { impossibleAddress, impossiblePeer, NOWHERE } from '../lease/address.ts';
import { byAge } from '../lease/age.ts';
import type { Mirror } from '../store/mirror.ts';
import { cell, draw, markdownTable, PLAIN_LOOK, wrap } from './draw.ts';
import { olderHosts } from './older-hosts.ts';
import type { Format } from './render.ts';
import { plain } from './text.ts';

export interface LeaseRow {
  subnet: string;
  publicIP: string;
  /** "" for udp and alloc, which write none. */
  backend: string;
  vtepMAC?: string;
  vni?: number;
  /** Seconds; null for a permanent one (a reservation). */
  timeLeft: number | null;
  key: string;
  /** Why this lease is not in force or can't be used, one sentence each. */
  problems: string[];
}

export interface LeasesDocument {
  version: 1;
  source: { kind: string; revision: string };
  network: { network: string; backend: string; subnetLen: number };
  leases: LeaseRow[];
  held: HeldEntry[];
}

/** `timeLeft`: by lease id; undefined for one that ended meanwhile. `host`: the one that this runs on, if it is one of the network's. */
export function leasesDocument(
  mirror: Mirror,
  { kind, held = [] }: Pick<Source, 'kind' | 'held'>,
  timeLeft: ReadonlyMap<string, { ttlSeconds: number } | undefined>,
  host?: Host,
): LeasesDocument {
  const { config } = mirror;
  const refusals = config && host && new Refusals(config, host);
  const own = host && mirror.allLeases.find(({ attrs }) => attrs.publicIP === host.publicIP)?.subnet;
  const all = mirror.allLeases;
  const byHost = groupBy(all, ({ attrs }) => attrs.publicIP);
  const byMac = groupBy(all, ({ attrs }) => identityOf(attrs) ?? '');
  const heldByKey = groupBy(mirror.held, ({ key }) => key);
  const row = (lease: Lease): LeaseRow => {
    const { problem, ...data } = leaseData(lease.attrs);
    const problems = (heldByKey.get(lease.key) ?? []).map((entry) => entry.detail);
    if (problem !== undefined) problems.push(problem);
    const { publicIP, backendType } = lease.attrs;
    if (publicIP === NOWHERE) problems.push('It does not say where its host is (PublicIP).');
    if (config) problems.push(...backendProblems(lease, config));
    const twin = byHost.get(publicIP)?.find((other) => other.key !== lease.key);
    if (twin && publicIP !== NOWHERE) problems.push(`${twin.key} has the same public IP.`);
    const mac = identityOf(lease.attrs);
    const double = mac && byMac.get(mac)?.find((other) => other.key !== lease.key);
    if (double) problems.push(`${double.key} has the same VTEP MAC ${mac}.`);
    const refused = lease.attrs.publicIP === host?.publicIP ? refusals?.ofOwn(lease) : refusals?.ofPeer(lease, own);
    const impossible = refusals ? undefined : impossibleAddress(config, lease);
    if (refused) problems.push(refused.detail);
    else if (impossible) problems.push(impossiblePeer(lease, impossible));
    return {
      subnet: lease.subnet,
      publicIP,
      backend: foreign(backendType),
      ...data,
      timeLeft: isPermanent(lease) ? null : (timeLeft.get(lease.leaseId)?.ttlSeconds ?? 0),
      key: lease.key,
      problems,
    };
  };
  const natural = new Intl.Collator('en', { numeric: true }).compare;
  const leases = all.sort((a, b) => natural(a.subnet, b.subnet) || byAge(a, b)).map(row);
  const shown = new Set(leases.map(({ key }) => key));
  return {
    version: 1,
    source: { kind, revision: String(mirror.revision) },
    network: {
      network: config?.network ?? '',
      backend: foreign(config?.backend.type ?? ''),
      subnetLen: config?.subnetLen ?? 0,
    },
    leases,
    held: [...held, ...mirror.held.filter((entry) => !shown.has(entry.key)), ...olderHosts(all, config, mirror.prefix)],
  };
}

/** To flannel a lease of a backend in another case is of another backend; some name themselves nowhere. */
function backendProblems({ attrs }: Lease, config: NetworkConfig): string[] {
  const networks = config.backend.type.toLowerCase();
  const backend = backendFor(config);
  const theirs = backend ? [backend.type, backend.alsoNamed] : networks === 'alloc' ? ['', networks] : [networks];
  const its = attrs.backendType;
  if (!theirs.includes(its))
    return [`Its backend is ${foreign(its) || 'not named'}, the network's is ${foreign(networks)}.`];
  return mismatches(attrs, config);
}

/** As text that ends with a line feed. */
export function renderLeases(document: LeasesDocument, format: Format, look = PLAIN_LOOK): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { network, source, leases, held } = document;
  const what = network.network
    ? `${network.network} in /${network.subnetLen} subnets, ${network.backend}`
    : 'no network config';
  const title = plain(
    `${what}; ${leases.length} ${leases.length === 1 ? 'lease' : 'leases'}, ${source.kind} revision ${source.revision}`,
  );
  const head = ['SUBNET', 'HOST', 'BACKEND', 'VTEP', 'TIME LEFT', 'WRONG WITH IT'];
  const rows = leases.map((lease) =>
    [
      lease.subnet,
      lease.publicIP,
      lease.vni === undefined ? lease.backend : `${lease.backend} ${lease.vni}`,
      lease.vtepMAC ?? '',
      lease.timeLeft === null ? 'permanent' : formatDuration(lease.timeLeft * 1000),
      lease.problems.join(' '),
    ].map(plain),
  );
  const markdown = format === 'markdown';
  const blocks = [markdown ? `## ${cell(title)}` : wrap(title, look.width)];
  if (rows.length) blocks.push(markdown ? markdownTable(head, rows) : draw(head, rows, look.width));
  if (held.length)
    blocks.push(
      held.map((entry) => (markdown ? `- ${cell(entry.detail)}` : wrap(plain(entry.detail), look.width))).join('\n'),
    );
  return `${blocks.join('\n\n')}\n`;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
