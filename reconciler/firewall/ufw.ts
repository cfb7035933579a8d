/**
 * Owns what is said of ufw: it drops in iptables' FORWARD, where our rules stand before its, but in INPUT it drops the tunnel's own packets too,
 * and only its owner can let them in. Whether it does is judged from its rules (doctor/input.ts).
 */
import type { HeldEntry } from '../contracts/report.ts';
import { type InputChain, verdictOf } from '../doctor/input.ts';
import type { Want } from '../kinds/index.ts';
import { portListenedOn } from '../tunnels/index.ts';
import type { Ruleset } from './ruleset.ts';

/** ufw's chains: ufw-before-input, ufw-user-forward, … */
const ITS = /^ufw-/;

/** UDP port that peers send to; undefined: they send no UDP. `devices`: what the config's backend wants of them. */
export const tunnelPortOf = (devices: readonly Want[]): number | undefined =>
  devices.flatMap((want) => (want.kind === 'link' ? (portListenedOn(want)?.port ?? []) : []))[0];

/** Seen in FORWARD, which is read anyway: only then is INPUT worth reading. */
export const hasUfw = ({ tables }: Ruleset): boolean =>
  tables.some(
    ({ name, family, chains }) =>
      name === 'filter' &&
      family === 'ip' &&
      chains.get('FORWARD')?.rules.some(({ verdict }) => 'chain' in verdict && ITS.test(verdict.chain)),
  );

/** `input`: the chains by which packets come into this host, judged for one to `port`. */
export function ufwNotices(input: readonly InputChain[], port: number): HeldEntry[] {
  const shut = input.filter((chain) => isUfws(chain) && verdictOf(chain) === 'drops');
  return shut.map(({ name }) => ({
    kind: 'firewall',
    key: name,
    why: 'ufw',
    detail: `ufw drops UDP ${port}, by which other hosts send to this one's containers: ufw allow ${port}/udp (or, for each host of the network alone, ufw allow proto udp from ADDRESS to any port ${port}).`,
    unmet: false,
  }));
}

const isUfws = ({ rules }: InputChain): boolean =>
  rules.some(({ verdict }) => 'chain' in verdict && ITS.test(verdict.chain));
