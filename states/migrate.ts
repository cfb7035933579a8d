/**
 * Owns the run of `selvage migrate`: config and live leases from one of etcd's APIs to the other.
 * Every write is "create if it is not there", so that nothing is overwritten, also of what comes meanwhile.
 */

import { configKey } from '../config/lease-key.ts';
import type { Source } from '../reconciler/contracts/source.ts';
import { isPermanent } from '../reconciler/contracts/source.ts';
import { type MigrationDocument, type MigrationEntry, planMigration } from '../reconciler/store/migration.ts';
import { RunError } from './run-error.ts';

interface MigrationInput {
  from: Source;
  to: Source;
  prefix: string;
  /** False for a dry run, which writes nothing. */
  apply: boolean;
}

/** @throws StoreError, RunError */
export async function runMigration({ from, to, prefix, apply }: MigrationInput): Promise<MigrationDocument> {
  const [here, there] = await Promise.all([from.snapshot(), to.snapshot()]);
  if (!here.config && !here.leases.length) {
    throw new RunError(
      'invalid',
      `There is nothing to copy: neither ${configKey(prefix)} nor a lease is in ${from.where} (${from.looked ?? from.kind}).`,
    );
  }
  const ids = here.leases.filter((lease) => !isPermanent(lease)).map(({ leaseId }) => leaseId);
  const entries = planMigration(prefix, here, there, await from.leases.timeLeft([...new Set(ids)]));
  return {
    version: 1,
    applied: apply,
    from: { kind: from.kind, where: from.where, revision: String(here.revision) },
    to: { kind: to.kind, where: to.where, revision: String(there.revision) },
    entries: apply ? await copy(entries, to) : entries,
  };
}

/** One after the other, in the order of the plan. */
async function copy(entries: readonly MigrationEntry[], to: Source): Promise<MigrationEntry[]> {
  const done: MigrationEntry[] = [];
  for (const entry of entries) {
    if (entry.action !== 'copy') {
      done.push(entry);
      continue;
    }
    const { result } = await to.leases.create(entry.key, entry.value, entry.timeLeft ?? 0);
    done.push({ ...entry, action: result === 'created' ? 'copied' : 'exists' });
  }
  return done;
}
