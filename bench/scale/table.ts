/** Owns how what was measured, and what is taken on from it, is printed: the tables of docs/scale.md. */

import type { BedResult, Scene, SceneName } from './bed.ts';
import type { Protocol } from './bed-host.ts';
import { amountIn, at, FIGURES, type Figure, lawOf, offBy, type Sample } from './on-paper.ts';

const HEADS: Record<Figure, string> = {
  requests: 'requests',
  events: 'watch events',
  sent: 'etcd sends',
  received: 'etcd receives',
  fsyncs: 'fsyncs',
};
const DAY = 86_400;
/** Renewals of one host a day: flannel's an hour before the end of 24; ours by up to 72 minutes earlier (reconciler/lease/renewal.ts). */
const RENEWALS: Record<Protocol, number> = { selvage: 24 / 22.4, 'flannel v3': 24 / 23, 'flannel v2': 24 / 23 };
/** Entries in etcd's log for one renewal. Apart from each other, as they are over a day, each is an fsync; measured all at once they share some. */
const ENTRIES: Record<Protocol, number> = { selvage: 0, 'flannel v3': 2, 'flannel v2': 1 };
/** Of --fleet: one each 30 to 33 s (states/fleet-writer.ts). */
const BEATS = DAY / 31.5;

const scaled = (value: number, step: number, units: readonly string[]): string => {
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${units[unit]}`;
};
const shown = (figure: Figure, value: number): string =>
  figure === 'sent' || figure === 'received'
    ? scaled(value, 1000, [' B', ' kB', ' MB', ' GB', ' TB', ' PB'])
    : value < 1e6
      ? Math.round(value).toLocaleString('en')
      : scaled(value / 1e6, 1000, [' million', ' × 10⁹', ' × 10¹²']);

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const head = (first: readonly string[], more: readonly string[] = []): string[] => {
  const names = [...first, ...FIGURES.map((figure) => HEADS[figure]), ...more];
  return [row(names), `|${'---|'.repeat(names.length)}`];
};

export function measuredTable(results: readonly BedResult[]): string {
  const lines = head(['scene', 'protocol', 'hosts'], ['took']);
  const names = [...new Set(results.flatMap(({ scenes }) => [...scenes.keys()]))];
  for (const name of names)
    for (const { protocol, hosts, scenes } of results) {
      const scene = scenes.get(name);
      if (!scene) continue;
      const cells = FIGURES.map((figure) => shown(figure, amountIn(scene.cost, figure)));
      lines.push(row([name, protocol, String(hosts), ...cells, `${scene.seconds.toFixed(1)} s`]));
    }
  return lines.join('\n');
}

export function methodsTable(results: readonly BedResult[]): string {
  const lines = [row(['scene', 'protocol', 'hosts', 'requests by method']), '|---|---|---|---|'];
  for (const { protocol, hosts, scenes } of results)
    for (const { name, cost } of scenes.values()) {
      const all = [...Object.entries(cost.requests), ...(cost.http > 0 ? [['v2', cost.http] as const] : [])];
      const text = all.map(([method, count]) => `${method.replace(/^\w+\//, '')} ${count}`).join(', ');
      if (text) lines.push(row([name, protocol, String(hosts), text]));
    }
  return lines.join('\n');
}

const samplesOf = (results: readonly BedResult[], name: SceneName, figure: Figure): Sample[] =>
  results.flatMap(({ hosts, scenes }) => {
    const scene = scenes.get(name);
    return scene ? [{ hosts, value: amountIn(scene.cost, figure) * timesOf(scene, hosts) }] : [];
  });

/** What one host does is counted as if all did it, one after the other; of several signs of life one. */
function timesOf({ name, cost }: Scene, hosts: number): number {
  if (name === 'one restarts') return hosts;
  const beats = (cost.requests['Lease/LeaseKeepAlive'] ?? 0) / hosts;
  return name === 'fleet beat' && beats > 0 ? 1 / beats : 1;
}

/** One row for each scene and protocol: `a·N + b·N²`, at each of `sizes`. */
export function paperTable(results: readonly BedResult[], sizes: readonly number[]): string {
  const lines = head(['what', 'protocol', 'hosts']);
  const protocols = [...new Set(results.map(({ protocol }) => protocol))];
  const put = (what: string, value: (protocol: Protocol, figure: Figure, hosts: number) => number | undefined) => {
    for (const hosts of sizes)
      for (const protocol of protocols) {
        const cells = FIGURES.map((figure) => value(protocol, figure, hosts));
        if (cells.every((cell) => cell === undefined)) continue;
        const texts = FIGURES.map((figure, i) => shown(figure, cells[i] ?? 0));
        lines.push(row([what, protocol, hosts.toLocaleString('en'), ...texts]));
      }
  };
  const law = (name: SceneName) => (protocol: Protocol, figure: Figure, hosts: number) => {
    const samples = samplesOf(
      results.filter((one) => one.protocol === protocol),
      name,
      figure,
    );
    return samples.length > 0 ? at(lawOf(samples), hosts) / (name === 'one restarts' ? hosts : 1) : undefined;
  };
  const renewed = law('renewal');
  put('a day at rest', (protocol, figure, hosts) => {
    if (figure === 'fsyncs') return ENTRIES[protocol] * hosts * RENEWALS[protocol] + idleFsyncs(results, protocol);
    const renewals = renewed(protocol, figure, hosts);
    return renewals === undefined ? undefined : renewals * RENEWALS[protocol];
  });
  for (const name of ['mass start', 'one restarts', 'all restart', 'etcd back', 'config', 'backend'] as const)
    put(name, law(name));
  const beaten = law('fleet beat');
  put('a day at rest, what --fleet adds', (protocol, figure, hosts) => {
    const beats = beaten(protocol, figure, hosts);
    return beats === undefined ? undefined : beats * BEATS;
  });
  put('every host has another word (--fleet)', law('fleet word'));
  return lines.join('\n');
}

/** A day's, of the largest bed while nobody does anything; it doesn't grow with the hosts. */
function idleFsyncs(results: readonly BedResult[], protocol: Protocol): number {
  const beds = results.filter((one) => one.protocol === protocol).sort((x, y) => y.hosts - x.hosts);
  const rest = beds[0]?.scenes.get('rest');
  return rest ? (rest.cost.fsyncs / rest.seconds) * DAY : 0;
}

/** The largest error of a law at a size that it was not made from, over all scenes and figures that are not tiny; undefined: no third size. */
export function worstError(results: readonly BedResult[]): { part: number; where: string } | undefined {
  let worst: { part: number; where: string } | undefined;
  for (const protocol of new Set(results.map((one) => one.protocol))) {
    const own = results.filter((one) => one.protocol === protocol);
    for (const name of new Set(own.flatMap(({ scenes }) => [...scenes.keys()])))
      for (const figure of FIGURES) {
        const samples = samplesOf(own, name, figure);
        if (samples.length < 3 || samples.some(({ value }) => value < 100)) continue;
        const part = offBy(lawOf(samples), samples);
        if (part !== undefined && part > (worst?.part ?? -1))
          worst = { part, where: `${protocol}, ${name}, ${HEADS[figure]}` };
      }
  }
  return worst;
}
