/** Owns the answer of `selvage fleet`: every lease of the network, joined with what its host says of itself. */
import { formatDuration } from '../../config/duration.ts';
import type { Summary } from '../fleet/summary.ts';
import { cell, draw, type Look, markdownTable, PLAIN_LOOK, paint, wrap } from './draw.ts';
import type { LeasesDocument } from './leases.ts';
import type { Format } from './render.ts';
import { plain, plural } from './text.ts';

/** Two signs of life that did not come (states/fleet-writer.ts), s. */
const OVERDUE = 75;

export interface FleetHost {
  subnet: string;
  publicIP: string;
  /** "": it says nothing of itself. */
  hostname: string;
  /** Version of its selvage; "" of a host that says nothing. */
  selvage: string;
  /** silent: it runs flanneld, a selvage without --fleet, or nothing any more. */
  state: 'in sync' | 'not in sync' | 'silent';
  /** What is wrong with it or its lease, a sentence each. */
  wrong: string[];
  held: number;
  unreachable: { subnets: string[]; count: number };
  docker: string | null;
  /** Seconds since it gave a sign of life; null: it never did. */
  heard: number | null;
}

export interface FleetDocument {
  version: 1;
  source: { kind: string; revision: string };
  network: { network: string; backend: string };
  summary: { hosts: number; inSync: number; notInSync: number; silent: number; wrong: number };
  hosts: FleetHost[];
}

/** `heard`: seconds since the sign of life, by subnet. */
export interface Word {
  summary: Summary;
  heard: number;
}

/** `words`: what hosts say of themselves, by subnet. `onlyWrong`: hosts with something wrong only; the counts are of all. */
export function fleetDocument(
  { source, network, leases }: LeasesDocument,
  words: ReadonlyMap<string, Word>,
  onlyWrong: boolean,
): FleetDocument {
  const leased = new Set(leases.map(({ subnet }) => subnet));
  const hosts = [
    ...leases.map(({ subnet, publicIP, problems }) => hostOf(subnet, publicIP, problems, words.get(subnet))),
    ...[...words].flatMap(([subnet, word]) =>
      leased.has(subnet)
        ? []
        : [hostOf(subnet, word.summary.publicIP, [`It works for ${subnet}, of which there is no lease.`], word)],
    ),
  ];
  const count = (state: FleetHost['state']): number => hosts.filter((host) => host.state === state).length;
  const wrong = hosts.filter(isWrong);
  return {
    version: 1,
    source,
    network: { network: network.network, backend: network.backend },
    summary: {
      hosts: hosts.length,
      inSync: count('in sync'),
      notInSync: count('not in sync'),
      silent: count('silent'),
      wrong: wrong.length,
    },
    hosts: onlyWrong ? wrong : hosts,
  };
}

function hostOf(subnet: string, publicIP: string, problems: readonly string[], word: Word | undefined): FleetHost {
  const base = { subnet, publicIP };
  if (!word)
    return {
      ...base,
      hostname: '',
      selvage: '',
      state: 'silent',
      wrong: [...problems],
      held: 0,
      unreachable: { subnets: [], count: 0 },
      docker: null,
      heard: null,
    };
  const { hostname, selvage, inSync, wrong, held, unreachable, docker } = word.summary;
  return {
    ...base,
    hostname,
    selvage,
    state: inSync ? 'in sync' : 'not in sync',
    wrong: [...problems, ...(word.heard > OVERDUE ? [overdue(word.heard)] : []), ...wrong],
    held,
    unreachable,
    docker,
    heard: word.heard,
  };
}

const overdue = (seconds: number): string =>
  `It has given no sign of life for ${Math.round(seconds)} s: its selvage has ended, or can't reach the store.`;

/** A silent host is none that something is known to be wrong with. */
const isWrong = ({ state, wrong, unreachable }: FleetHost): boolean =>
  state === 'not in sync' || wrong.length > 0 || unreachable.count > 0;

/** As text that ends with a line feed. */
export function renderFleet(document: FleetDocument, format: Format, look: Look = PLAIN_LOOK): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { network, source, summary, hosts } = document;
  const title = plain(
    `${network.network || 'no network config'}, ${network.backend}; ${source.kind} revision ${source.revision}`,
  );
  const head = ['SUBNET', 'HOST', 'VERSION', 'HOW IT IS', 'DOCKER', 'HEARD'];
  const rows = hosts.map((host) =>
    [
      host.subnet,
      host.hostname ? `${host.hostname} ${host.publicIP}` : host.publicIP,
      host.selvage,
      howIs(host),
      host.docker ?? '',
      host.heard === null ? '' : `${formatDuration(Math.round(host.heard) * 1000)} ago`,
    ].map(plain),
  );
  const markdown = format === 'markdown';
  const blocks = [markdown ? `## selvage: ${cell(title)}` : wrap(title, look.width)];
  if (rows.length) blocks.push(markdown ? markdownTable(head, rows) : draw(head, rows, look.width));
  const line = `${plural(summary.hosts, 'host')}: ${summary.inSync} in sync, ${summary.notInSync} not in sync, ${summary.silent} silent; something is wrong with ${summary.wrong}.`;
  blocks.push(markdown ? `**${line}**` : paint(wrap(line, look.width), summary.wrong ? 'red' : 'green', look));
  return `${blocks.join('\n\n')}\n`;
}

function howIs({ state, wrong, held, unreachable }: FleetHost): string {
  const parts: string[] = [state === 'silent' ? 'says nothing (flanneld, or without --fleet)' : state];
  if (held > 0) parts.push(`${held} held`);
  if (unreachable.count > 0) {
    const more = unreachable.count > unreachable.subnets.length ? ', …' : '';
    parts.push(`can't reach ${unreachable.count}: ${unreachable.subnets.join(', ')}${more}`);
  }
  return [parts.join(', '), ...wrong].join('; ');
}
