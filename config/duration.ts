/** Durations as Go writes and reads them (time.ParseDuration): "24h", "1h30m", "90s", "500ms". In milliseconds, fractions included. */

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const DURATION = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
/** Go's durations are 63 bits of nanoseconds, 292 years. */
const LONGEST = 2 ** 63 / 1e6;

/** What to say of a text that isn't one. */
export const DURATION_RIGHT = 'a duration with its unit, such as 24h, 1h30m, 90s or 500ms';

/** "1h30m" → 5,400,000 ms; undefined if it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(PART)) ms += Number(number) * UNITS.get(unit!)!;
  if (ms >= LONGEST) return undefined;
  return text.startsWith('-') ? 0 - ms : ms;
}

/** 5,400,000 ms → "1h30m": the shortest text that reads back the same, to the millisecond. */
export function formatDuration(ms: number): string {
  const whole = Math.round(Math.abs(ms));
  if (whole === 0) return '0s';
  const parts = [
    [Math.floor(whole / 3_600_000), 'h'],
    [Math.floor(whole / 60_000) % 60, 'm'],
    [Math.floor(whole / 1000) % 60, 's'],
    [whole % 1000, 'ms'],
  ] as const;
  const text = parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
  return ms < 0 ? `-${text}` : text;
}
