/** Owns the report as a document for machines. Nothing is ever left out of it. */
import type { Report } from '../contracts/report.ts';

/** Entries up to which somebody may read it by eye; indentation would be a third of what a larger report takes in time and bytes. */
const MOST_INDENTED = 500;

export function renderJson(report: Report): string {
  const entries = report.drift.length + report.outcomes.length + report.held.length;
  return `${JSON.stringify(report, null, entries > MOST_INDENTED ? 0 : 2)}\n`;
}
