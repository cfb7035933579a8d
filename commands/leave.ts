/** Owns `selvage leave`: takes everything of ours off this host, or hands it back to flanneld. */
import { closeAll, composeDeps, requirePermission } from '../compose.ts';
import type { Options } from '../config/options.ts';
import { takeInstanceLock } from '../drivers/host/instance-lock.ts';
import { openLog } from '../drivers/log/logger.ts';
import { exitCodeOf } from '../reconciler/report/exit-code.ts';
import { render } from '../reconciler/report/render.ts';
import { leaveNetwork } from '../states/leave.ts';
import { RunError } from '../states/run-error.ts';
import { answer, formatOf } from './answer.ts';

/** Beside a running daemon only a dry run is made: that would put everything back. @throws StoreError, RunError */
export async function leave(options: Options): Promise<number> {
  const { dryRun } = options.leave;
  if (!dryRun) requirePermission();
  const log = await openLog(options.logLevel);
  for (const sentence of options.unknownEnv) log.warn({}, sentence);
  const lock = dryRun ? undefined : takeInstanceLock({ prefix: options.etcd.prefix, subnetFile: options.subnetFile });
  if (lock?.heldBy !== undefined) throw new RunError('failed', stillRuns(lock.heldBy, options.etcd.prefix));
  const deps = await composeDeps(options, log);
  try {
    const report = await leaveNetwork(deps, options.leave);
    answer(await render(report, formatOf(options)));
    return exitCodeOf(report);
  } finally {
    await closeAll(deps);
    lock?.release();
  }
}

const stillRuns = (pid: number, prefix: string): string =>
  `A selvage runs for the network at ${prefix} on this host (pid ${pid}) and would put everything back: stop it first (systemctl disable --now selvage), and see that no timer runs selvage --once.`;
