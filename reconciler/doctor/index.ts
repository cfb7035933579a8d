/** Owns the list of checks, in the order in which they are told, and how all of them are asked. A new check is a new entry in its category's file. */
import type { HeldEntry } from '../contracts/report.ts';
import { CATEGORIES, type Category, type Check, type Finding, type Level, notSeen } from './check.ts';
import { dockerChecks } from './docker.ts';
import type { Facts } from './facts.ts';
import { firewallChecks } from './firewall.ts';
import { hostChecks } from './host.ts';
import { kernelChecks } from './kernel.ts';
import { networkChecks } from './network.ts';
import { peerChecks } from './peers.ts';
import { reachedChecks } from './reached.ts';
import { storeChecks } from './store.ts';

const ALL = [
  storeChecks,
  hostChecks,
  kernelChecks,
  networkChecks,
  peerChecks,
  reachedChecks,
  dockerChecks,
  firewallChecks,
].flat();

export const CHECKS: readonly Check[] = CATEGORIES.flatMap((category) =>
  ALL.filter((check) => check.category === category),
);

/** A finding, with the check's own cure where it has none. */
export type Said = Finding & { cure: string };

export interface Examined {
  id: string;
  category: Category;
  title: string;
  level: Level;
  findings: Said[];
}

const WORST: readonly Level[] = ['wrong', 'warning', 'unknown', 'ok'];

/** What each check says; those that don't concern this host are left out. */
export function examine(facts: Facts): Examined[] {
  const held = assign(facts.look?.report.held ?? []);
  return CHECKS.flatMap((check) => {
    const looked = check.look(facts, held.get(check) ?? []);
    if (!looked) return [];
    // What a report would hold nobody knows without one.
    const found = check.claims && !facts.look && !looked.length ? notSeen() : looked;
    const findings = found.map((one) => ({ ...one, cure: one.cure ?? check.cure }));
    const level = WORST.find((worst) => findings.some((one) => one.level === worst)) ?? 'ok';
    const { id, category, title } = check;
    return [{ id, category, title, level, findings }];
  });
}

/** Each held entry with the check that is to say it. */
export function assign(held: readonly HeldEntry[]): Map<Check, HeldEntry[]> {
  const byCheck = new Map<Check, HeldEntry[]>();
  const inOrder = [...CHECKS.filter(({ rest }) => !rest), ...CHECKS.filter(({ rest }) => rest)];
  for (const entry of held) {
    const check = inOrder.find(({ claims }) => claims?.(entry));
    if (check) byCheck.set(check, [...(byCheck.get(check) ?? []), entry]);
  }
  return byCheck;
}
