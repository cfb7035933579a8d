/** Owns the two commands that make one pass and end: `selvage --once` repairs, `selvage drift` only reports. */
import { closeAll, composeDeps, requirePermission } from '../compose.ts';
import type { Options } from '../config/options.ts';
import { openLog } from '../drivers/log/logger.ts';
import type { Report } from '../reconciler/contracts/report.ts';
import { exitCodeOf } from '../reconciler/report/exit-code.ts';
import { render } from '../reconciler/report/render.ts';
import type { AgentDeps, Log } from '../states/deps.ts';
import { planRepair, repairOnce, reportDrift } from '../states/once.ts';
import { VERSION } from '../version.ts';
import { answer, formatOf, lookOf } from './answer.ts';
import { untilInterrupted } from './interrupted.ts';

/** @throws StoreError, RunError */
export function once(options: Options): Promise<number> {
  requirePermission();
  return untilInterrupted((begin) => pass(options, (deps) => repairOnce(deps, begin)));
}

/** Needs no permission: it writes nothing. @throws StoreError, RunError */
export const drift = (options: Options): Promise<number> =>
  pass(options, options.format === 'commands' ? driftAsCommands : reportDrift);

/** Answers by itself. */
async function driftAsCommands(deps: AgentDeps): Promise<Report> {
  const { renderCommands } = await import('../reconciler/report/commands.ts');
  const repair = await planRepair(deps);
  answer(renderCommands(repair));
  return repair.report;
}

async function pass(options: Options, run: (deps: AgentDeps) => Promise<Report>): Promise<number> {
  const log = await openLog(options.logLevel, options.logFormat);
  for (const sentence of options.unknownEnv) log.warn({}, sentence);
  const deps = await composeDeps(options, log);
  try {
    const report = await run(deps);
    if (options.metricsFile !== undefined) await writeMetrics(options.metricsFile, report, log);
    if (options.format !== 'commands') answer(render(report, formatOf(options), lookOf(options)));
    return exitCodeOf(report);
  } finally {
    await closeAll(deps);
  }
}

/** What the run has come to is worth more than that its metrics can be written: that they can't is told. */
async function writeMetrics(path: string, report: Report, log: Log): Promise<void> {
  const { writeMetricsFile } = await import('../drivers/http/open.ts');
  await writeMetricsFile(path, { version: VERSION, report, now: Date.now() }).catch((error: Error) =>
    log.error({}, error.message),
  );
}
