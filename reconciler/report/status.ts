/** Owns the status as a person reads it: how it is, what it is doing, what is held, what was done last. */
import { formatDuration } from '../../config/duration.ts';
import type { RegionStatus, RoundNote, Status } from '../contracts/status.ts';
import { isResourceKind, rulesOf } from '../kinds/index.ts';
import { cell, draw, type Look, markdownTable, PLAIN_LOOK, paint, wrap } from './draw.ts';
import type { Format } from './render.ts';
import { heldRows } from './rows.ts';
import { headline, plain, plural } from './text.ts';
import { WOKEN } from './woken.ts';

/** Rounds and peers that a screen has, unless all are asked for. */
const MOST_ROUNDS = 10;
const MOST_PEERS = 10;

/** As text that ends with a line feed. `oneLine`: JSON without line feeds, for a stream of them. */
export function renderStatus(status: Status, format: Format, look: Look = PLAIN_LOOK, oneLine = false): string {
  if (format === 'json') return `${JSON.stringify(status, null, oneLine ? 0 : 2)}\n`;
  const blocks = blocksOf(status, look.all);
  return `${(format === 'markdown' ? blocks.map(asMarkdown) : blocks.map((block) => asText(block, look))).join('\n\n')}\n`;
}

type Block =
  | { kind: 'title'; text: string; good: boolean }
  | { kind: 'text'; text: string }
  | { kind: 'table'; title: string; head: string[]; rows: string[][]; more?: string };

function asText(block: Block, look: Look): string {
  if (block.kind === 'title') return paint(wrap(block.text, look.width), block.good ? 'green' : 'red', look);
  if (block.kind === 'text') return wrap(block.text, look.width);
  const { title, head, rows, more } = block;
  const table = draw(head, rows, look.width);
  return [...(title ? [`${title}:`] : []), table, ...(more ? [more] : [])].join('\n');
}

function asMarkdown(block: Block): string {
  if (block.kind === 'title') return `## selvage: ${cell(block.text)}`;
  if (block.kind === 'text') return cell(block.text);
  const { title, head, rows, more } = block;
  return [...(title ? [`### ${title}`, ''] : []), markdownTable(head, rows), ...(more ? ['', more] : [])].join('\n');
}

function blocksOf(status: Status, all: boolean): Block[] {
  const { line, inSync, selvage, held, retries } = status;
  const now = Date.parse(status.at);
  const blocks: Block[] = [
    { kind: 'title', text: plain(line), good: inSync },
    {
      kind: 'text',
      text: plain(
        `${headline({ ...status, source: status.store })}. selvage ${selvage.version}, pid ${selvage.pid}, for ${age(selvage.since, now)}; network at ${selvage.prefix}.`,
      ),
    },
    { kind: 'table', title: '', head: ['', 'STATE', 'SINCE', 'WHAT'], rows: regionRows(status, now) },
  ];
  if (held.length) {
    const rows = heldRows({ held }, all).map(({ kind, text, why, detail }) => [
      plain(`${kind} ${text}`),
      plain(why),
      plain(detail),
    ]);
    blocks.push({ kind: 'table', title: 'Held', head: ['WHAT', 'WHY', 'WHAT TO DO'], rows });
  }
  if (retries.length) {
    const rows = retries.map(({ kind, key, why, times, nextAt }) => {
      const what = `${kind} ${isResourceKind(kind) ? rulesOf(kind).textOfKey(key) : key}`;
      return [what, why, String(times), nextAt === null ? 'when something changes' : `in ${until(nextAt, now)}`].map(
        plain,
      );
    });
    blocks.push({ kind: 'table', title: 'Tried again', head: ['WHAT', 'WHY', 'TRIED', 'AGAIN'], rows });
  }
  const lost = lostRows(status, now);
  if (lost.length) {
    const shown = all ? lost : lost.slice(0, MOST_PEERS);
    blocks.push({
      kind: 'table',
      title: 'Routes that were lost',
      head: ['SUBNET', 'HOST', 'TIMES', 'LAST'],
      rows: shown,
      ...(shown.length < lost.length
        ? { more: `… ${plural(lost.length - shown.length, 'more peer')}: --all shows each.` }
        : {}),
    });
  }
  const rounds = all ? status.rounds : status.rounds.slice(0, MOST_ROUNDS);
  if (rounds.length)
    blocks.push({
      kind: 'table',
      title: `The last ${plural(rounds.length, 'round')}`,
      head: ['AGO', 'WOKEN BY', 'TOOK', 'WHAT WAS DONE'],
      rows: rounds.map((round) => roundRow(round, now)),
    });
  return blocks;
}

function regionRows({ regions, store, lease, counts }: Status, now: number): string[][] {
  const { store: ear, lease: own, work } = regions;
  const row = (name: string, region: RegionStatus, what: string): string[] =>
    [
      name,
      region.state,
      age(region.since, now),
      region.trouble === undefined ? what : `${what}; ${region.trouble}`,
    ].map(plain);
  const done = `${plural(counts.rounds, 'round')}, ${plural(counts.repaired, 'repair')}`;
  return [
    row('store', ear, `${store.where} (${store.kind}), revision ${store.revision}`),
    row('lease', own, leaseText(lease, now)),
    row('work', work, counts.failed ? `${done}, ${counts.failed} failed` : done),
  ];
}

function leaseText(lease: Status['lease'], now: number): string {
  if (!lease) return 'none';
  if (lease.permanent) return `${lease.subnet}, permanent`;
  if (lease.endsAt === null || lease.renewAt === null) return `${lease.subnet}, renewed by who took it`;
  return `${lease.subnet}, ${until(lease.endsAt, now)} left, renewed in ${until(lease.renewAt, now)}`;
}

const lostRows = ({ peers }: Status, now: number): string[][] =>
  peers
    .filter(({ lost }) => lost > 0)
    .sort((a, b) => b.lost - a.lost)
    .map(({ subnet, publicIP, lost, lostAt }) => [
      subnet,
      publicIP,
      String(lost),
      lostAt === null ? '' : `${age(lostAt, now)} ago`,
    ]);

function roundRow({ at, woken, durationMs, did, scope }: RoundNote, now: number): string[] {
  const what = did || `nothing to do (${scope})`;
  return [age(at, now), woken.map((by) => WOKEN[by]).join(', '), `${durationMs} ms`, what].map(plain);
}

/** "3h12m": whole seconds, from an hour on whole minutes. */
function duration(ms: number): string {
  const unit = ms >= 3_600_000 ? 60_000 : 1000;
  return formatDuration(Math.floor(Math.max(0, ms) / unit) * unit);
}

const age = (since: string, now: number): string => duration(now - Date.parse(since));
const until = (then: string, now: number): string => duration(Date.parse(then) - now);
