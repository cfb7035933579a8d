/** Owns the answer of selvage doctor, as a document for programs. `version` changes when a field changes its meaning or goes away. */
import { CATEGORIES, type Level } from './check.ts';
import type { Facts } from './facts.ts';
import { type Examined, examine } from './index.ts';

export interface DoctorDocument {
  version: 1;
  /** ISO time. */
  at: string;
  durationMs: number;
  host: { hostname: string; iface: string; publicIP: string };
  network: { network: string; subnet: string; backend: string; mtu: number };
  /** Of --probe: how many peers of how many were asked. Absent: packets were not sent. */
  probed?: { peers: number; of: number };
  checks: Examined[];
  summary: Record<Level, number>;
  /** Nothing is wrong, as far as this host can tell. */
  healthy: boolean;
}

export function doctorDocument(facts: Facts, hostname: string, durationMs: number): DoctorDocument {
  const checks = examine(facts);
  const count = (level: Level): number => checks.filter((check) => check.level === level).length;
  const { report } = facts.look ?? {};
  const { probed } = facts;
  return {
    version: 1,
    at: new Date(facts.now).toISOString(),
    durationMs,
    host: report?.host ?? { hostname, iface: '', publicIP: '' },
    network: report?.network ?? { network: '', subnet: '', backend: '', mtu: 0 },
    ...(probed ? { probed: { peers: probed.peers.length, of: probed.of } } : {}),
    checks,
    summary: { ok: count('ok'), warning: count('warning'), wrong: count('wrong'), unknown: count('unknown') },
    healthy: count('wrong') === 0,
  };
}

/** The checks of each category, in order; a category that has none is left out. */
export const byCategory = (checks: readonly Examined[]): [string, Examined[]][] =>
  CATEGORIES.flatMap((category): [string, Examined[]][] => {
    const its = checks.filter((check) => check.category === category);
    return its.length ? [[category, its]] : [];
  });
