/** Owns the two commands that make one pass and end: `selvage --once` repairs, `selvage drift` only reports. */
import { closeAll, composeDeps, requirePermission } from '../compose.ts';
import type { Options } from '../config/options.ts';
import { openLog } from '../drivers/log/logger.ts';
import type { Report } from '../reconciler/contracts/report.ts';
import { exitCodeOf } from '../reconciler/report/exit-code.ts';
import { render } from '../reconciler/report/render.ts';
import type { AgentDeps } from '../states/deps.ts';
import { repairOnce, reportDrift } from '../states/once.ts';
import { answer, formatOf } from './answer.ts';

/** @throws StoreError, RunError */
export function once(options: Options): Promise<number> {
  requirePermission();
  return pass(options, repairOnce);
}

/** Needs no permission: it writes nothing. @throws StoreError, RunError */
export const drift = (options: Options): Promise<number> => pass(options, reportDrift);

async function pass(options: Options, run: (deps: AgentDeps) => Promise<Report>): Promise<number> {
  const log = await openLog(options.logLevel);
  for (const sentence of options.unknownEnv) log.warn({}, sentence);
  const deps = await composeDeps(options, log);
  try {
    const report = await run(deps);
    answer(await render(report, formatOf(options)));
    return exitCodeOf(report);
  } finally {
    await closeAll(deps);
  }
}
