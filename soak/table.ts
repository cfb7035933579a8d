/** Owns what a soak says at its end: lost packets by cause, time to heal, what the TCP stream bore, memory and file descriptors over time; as markdown. */
import type { Sample } from './resources.ts';

export interface Row {
  cause: string;
  /** Losses are no fault of selvage's. */
  costs: boolean;
  times: number;
  sent: number;
  lost: number;
  /** ms, one each time. */
  heals: number[];
  /** ms, the longest. */
  pause: number;
  broken: number;
}

export const newRow = (cause: string, costs: boolean): Row => ({
  cause,
  costs,
  times: 0,
  sent: 0,
  lost: 0,
  heals: [],
  pause: 0,
  broken: 0,
});

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[(numbers.length - 1) >> 1] ?? 0;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** Those that lost packets although they may not. */
export const wrongs = (rows: readonly Row[]): Row[] => rows.filter(({ costs, lost }) => !costs && lost > 0);

export function tables(rows: readonly Row[], samples: readonly Sample[]): string {
  const lines = [
    '| what happened | times | packets sent | lost | healed in, median / worst (s) | longest TCP pause (s) | TCP broken |',
    '|---|---|---|---|---|---|---|',
    ...rows
      .filter(({ times }) => times > 0)
      .map(
        ({ cause, costs, times, sent, lost, heals, pause, broken }) =>
          `| ${cause} | ${times} | ${sent} | ${lost}${costs || lost === 0 ? '' : ' **!**'} | ${heals.length ? `${seconds(median(heals))} / ${seconds(Math.max(...heals))}` : ''} | ${seconds(pause)} | ${broken} |`,
      ),
    '',
    '| after (min) | RSS, least and most (MB) | fds, least and most |',
    '|---|---|---|',
    ...samples.map(
      ({ minute, rss, fds }) => `| ${minute} | ${rss.map(Math.round).join(' to ')} | ${fds.join(' to ')} |`,
    ),
  ];
  return lines.join('\n');
}
