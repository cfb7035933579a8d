/** Owns the shape of what decides about a packet's way before our routes are asked: policy rules, their tables, and the kernel's own answer. */
import type { Route } from '../kinds/index.ts';

export interface Rule {
  priority: number;
  action: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit';
  /** The table that a rule with `lookup` leads to. */
  table: number;
  /** "10.0.0.0/8"; "" for any destination. */
  to: string;
  /** As `ip rule` prints it, without the priority: "from all lookup 100". */
  text: string;
}

/** What is asked for: the way of a packet to an address, from this host, or `from` a container of its own subnet. */
export interface Question {
  address: string;
  from?: { source: string; dev: string };
}

/** The route that the kernel takes, or the error it has instead ("EACCES": a prohibit). */
export type Answer = { route: Route; error?: undefined } | { route?: undefined; error: string };

export interface Routing {
  /** Rules that come before table main, beside those that every host has; lowest priority first. */
  rules(): Rule[];
  /** Routes of table main that are longer than `length`, and those exactly to `own` ("10.5.8.0/24"). */
  longer(length: number, own: string): Route[];
  /** Routes of one table. */
  table(table: number): Route[];
  ask(questions: readonly Question[]): Answer[];
}
