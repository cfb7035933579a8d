/** Owns what doctor has of what is held: its own look first, then what the running daemon knows beside it. */
import type { Report } from '../contracts/report.ts';

type Held = Report['held'];

/** An entry of the daemon's that the own look has, too, is told as that has it: it is the younger. */
export function withDaemons(own: Held, daemons: Held): Held {
  const nameOf = ({ kind, key, why }: Held[number]): string => `${kind} ${key} ${why}`;
  const known = new Set(own.map(nameOf));
  return [...own, ...daemons.filter((entry) => !known.has(nameOf(entry)))];
}
