/**
 * Owns what a seed stands for: the fleet, and when which fault strikes. A schedule is plain data, so that it can be shrunk and printed; what
 * a fault does in particular it draws from its own number.
 *
 * - Not every kind of fault in every run: one that comes seldom would else never be seen alone (swarm testing).
 */
import { FAULTS } from './faults/index.ts';
import { Random } from './random.ts';

export interface Shape {
  /** Hosts, of which `late` are there only from some fault on, or from the first peace. */
  hosts: number;
  late: number;
  /** Links of the underlay: with two only some hosts reach each other without a router. */
  segments: 1 | 2;
  api: 'v3' | 'v2';
  /** --subnet-lease-ttl: a short one is renewed while things happen. */
  leaseTerm: string;
  /** The first network config: its backend, and whether it has hardly more subnets than hosts, so that they meet in the choice. */
  backend: string;
  isNarrow: boolean;
}

export interface Strike {
  /** ms from the start of the episode. */
  at: number;
  fault: string;
  number: number;
}

export interface Schedule {
  seed: number;
  shape: Shape;
  /** After each there is peace: nobody disturbs anything until all is well. */
  episodes: Strike[][];
}

const BACKENDS = [
  '{"Type":"vxlan"}',
  '{"Type":"vxlan"}',
  '{"Type":"vxlan","DirectRouting":true}',
  '{"Type":"host-gw"}',
];
const EPISODE_MS = 60_000;

/** `only`: names of faults, so that these come more often together. */
export function scheduleOf(seed: number, only?: readonly string[]): Schedule {
  const random = new Random(seed).fork('schedule');
  const segments = random.chance(0.25) ? 2 : 1;
  const hosts = fleetSize(seed, random);
  const backends = segments === 1 ? BACKENDS : BACKENDS.filter((backend) => !backend.includes('host-gw'));
  const shape: Shape = {
    hosts,
    late: random.below(1 + Math.floor(hosts / 2)),
    segments,
    api: random.chance(0.2) ? 'v2' : 'v3',
    leaseTerm: random.pick(['24h', '10m']),
    backend: random.pick(backends),
    isNarrow: random.chance(0.35),
  };
  const possible = FAULTS.filter(({ fits }) => fits?.(shape) ?? true);
  const kinds = possible.filter(({ name }) => (only ? only.includes(name) : random.chance(0.35)));
  const count = hosts > 8 || random.chance(0.7) ? 1 : 2;
  const episodes = Array.from({ length: count }, () => episode(kinds.length ? kinds : possible.slice(0, 3), random));
  return { seed, shape, episodes };
}

/** Mostly a few: what goes wrong between hosts mostly goes wrong between three. Every thousandth is large. */
function fleetSize(seed: number, random: Random): number {
  if (seed % 1000 === 500) return 60 + random.below(141);
  const size = random.next();
  if (size < 0.85) return 3 + random.below(2);
  return size < 0.97 ? 5 + random.below(4) : 9 + random.below(16);
}

function episode(kinds: readonly { name: string; weight: number }[], random: Random): Strike[] {
  const draw = (): string => random.pick(kinds.flatMap(({ name, weight }) => Array<string>(weight).fill(name)));
  const strikes = Array.from({ length: 2 + random.below(9) }, () => ({
    at: Math.round(random.next() * EPISODE_MS),
    fault: draw(),
    number: random.below(1_000_000),
  }));
  return strikes.sort((a, b) => a.at - b.at);
}
