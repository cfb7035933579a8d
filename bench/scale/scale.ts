/**
 * Owns the figures of `npm run bench -- scale`: what a network costs its etcd, beside flannel's two protocols (docs/scale.md). Only on
 * demand: it takes half an hour and more.
 */

import type { Figure } from '../figures.ts';
import { percentile } from '../statistics.ts';
import type { BedResult } from './bed.ts';
import type { Protocol } from './bed-host.ts';
import { playAll } from './scenes.ts';
import { measuredTable, methodsTable, paperTable, worstError } from './table.ts';

/** flannel v3 asks for the end of every lease it hears of: of that two cores bear fewer hosts. */
const SIZES: [Protocol, number[]][] = [
  ['flannel v3', [50, 100]],
  ['flannel v2', [100, 200]],
  ['selvage', [125, 250, 500]],
];
const QUICK: [Protocol, number[]][] = [
  ['flannel v3', [20, 40]],
  ['flannel v2', [20, 40]],
  ['selvage', [50, 100]],
];
const ON_PAPER = [500, 4096, 65_536];

export async function scale(quick: boolean, say: (text: string) => void): Promise<Figure[]> {
  const results: BedResult[] = [];
  for (const [protocol, sizes] of quick ? QUICK : SIZES)
    for (const hosts of sizes) {
      const result = await playAll({
        protocol,
        hosts,
        restSeconds: quick ? 5 : 60,
        say: (text) => process.stderr.write(`${text}\n`),
      });
      results.push(result);
      for (const figure of startFigures(result)) process.stderr.write(`    ${figure.what}: ${figure.value}\n`);
    }
  const error = worstError(results);
  say(`Measured:\n\n${measuredTable(results)}\n`);
  say(`By method:\n\n${methodsTable(results)}\n`);
  say(`On paper:\n\n${paperTable(results, ON_PAPER)}\n`);
  if (error)
    say(
      `Of what was measured at a third size the law is off by at most ${(error.part * 100).toFixed(0)} % (${error.where}).\n`,
    );
  return results.flatMap(startFigures);
}

function startFigures({ protocol, hosts, started }: BedResult): Figure[] {
  const waits = started.map(({ waitedMs = Number.NaN }) => waitedMs / 1000);
  const lost = started.map(({ racesLost }) => racesLost);
  const sum = lost.reduce((all, one) => all + one, 0);
  const gaveUp = started.reduce((all, one) => all + one.gaveUp, 0);
  const what = `mass start, ${hosts} hosts of ${protocol}`;
  const own = new Set(started.map(({ subnet }) => subnet)).size;
  return [
    {
      what: `${what}: without a subnet of their own`,
      value: hosts - own,
      unit: '',
      limit: 0,
      how: 'exactly as many subnets as hosts',
    },
    {
      what: `${what}: longest wait`,
      value: Math.max(...waits),
      unit: 's',
      how: `p50 ${percentile(waits, 50).toFixed(1)} s; four processes for all`,
    },
    {
      what: `${what}: races lost by one`,
      value: Math.max(...lost),
      unit: '',
      how: `at most; ${sum} by all, who gave up ${gaveUp} times`,
    },
  ];
}
