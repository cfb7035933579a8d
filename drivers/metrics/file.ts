/**
 * Owns --metrics-file: the metrics of one run, for node_exporter's textfile collector, which reads whole files only: written beside and renamed.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { cureFor } from '../../config/open-files.ts';
import type { Known } from './metric.ts';
import { metricsText } from './text.ts';

/** @throws Error, a sentence, if it can't be written */
export async function writeMetricsFile(path: string, known: Known): Promise<void> {
  // The collector reads *.prom; this one it must not.
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, await metricsText(known), { mode: 0o644, flag: 'wx' });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new Error(
      `The metrics could not be written to ${path} (${(cause as Error).message}): ${cureFor(cause, 'see to its folder, or give another --metrics-file')}.`,
      { cause },
    );
  }
}
