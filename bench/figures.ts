/** Owns how a measured figure is printed beside what we hold ourselves to. */

export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** At most this; undefined: only to be known. */
  limit?: number;
  /** At least this. */
  atLeast?: number;
  /** What it was made from: "median of 5; …". */
  how: string;
}

const rounded = (value: number) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export function figureLine(figure: Figure): string {
  const { what, value, unit, limit, atLeast, how } = figure;
  const aim = limit !== undefined ? `≤ ${limit} ${unit}` : atLeast !== undefined ? `≥ ${atLeast} ${unit}` : '';
  const verdict = aim && `${aim}: ${isMissed(figure) ? 'MISSED' : 'ok'}`;
  return `${what.padEnd(58)}${`${rounded(value)} ${unit}`.padStart(10)}  ${verdict.padEnd(18)} ${how}`;
}

export const isMissed = ({ value, limit, atLeast }: Figure): boolean =>
  (limit !== undefined && value > limit) || (atLeast !== undefined && value < atLeast);
