/** Owns `selvage migrate`: copies a network from one of etcd's APIs to the other. */
import { openStore } from '../compose.ts';
import type { Options } from '../config/options.ts';
import { EXIT } from '../reconciler/report/exit-code.ts';
import { migrationIsWhole, renderMigration } from '../reconciler/report/migration.ts';
import { runMigration } from '../states/migrate.ts';
import { answer, formatOf, lookOf, tellUnknownVariables } from './answer.ts';

/** @throws StoreError */
export async function migrate(options: Options): Promise<number> {
  tellUnknownVariables(options);
  const { etcd } = options;
  const { from: source, to: target, apply } = options.migrate;
  const open = (api: 'v2' | 'v3') => openStore({ ...options, stateFile: undefined, etcd: { ...etcd, api } });
  const [from, to] = [open(source), open(target)];
  try {
    const document = await runMigration({ from, to, prefix: etcd.prefix, apply });
    answer(renderMigration(document, formatOf(options), lookOf(options)));
    return migrationIsWhole(document) ? EXIT.ok : EXIT.failed;
  } finally {
    await Promise.allSettled([from.close(), to.close()]);
  }
}
