/** Owns how a run that failed is told: the seed, what was violated, the shortest schedule that was found, and the end of its trace. */
import type { Result } from './simulate.ts';

const LINES = 60;

export function failureText(seed: number, { schedule, violation, trace }: Result): string {
  const { shape, episodes } = schedule;
  const { hosts, late, segments, api, leaseTerm, backend, isNarrow } = shape;
  return [
    `Seed ${seed} violates "${violation?.invariant}": ${violation?.text}`,
    `Whole: npm run simulate -- --seeds 1 --from ${seed}   (how to read it: test/simulation/README.md)`,
    `Shrunk: npm run simulate -- --trace --schedule '${JSON.stringify(schedule)}'`,
    `Shrunk to ${hosts} hosts (${late} of them late) on ${segments} link${segments > 1 ? 's' : ''}, etcd ${api}, leases of ${leaseTerm}, backend ${backend}${isNarrow ? ', few subnets' : ''}:`,
    ...episodes.flatMap((strikes, i) => [
      `  episode ${i + 1}`,
      ...strikes.map(({ at, fault, number }) => `    at ${(at / 1000).toFixed(3)} s: ${fault} (${number})`),
    ]),
    'What happened last:',
    ...trace(LINES).map((line) => `  ${line}`),
  ].join('\n');
}
