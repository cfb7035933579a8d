/** Owns the report as a person reads it on a terminal. */
import type { Report } from '../contracts/report.ts';
import { draw } from './draw.ts';
import { capped, headline, heldMark, plain, summaryLine, troubles } from './text.ts';

export async function renderTable(report: Report): Promise<string> {
  const blocks = [headline(report)];
  if (report.drift.length) {
    const { shown, more } = capped(report.drift);
    const trouble = troubles(report);
    const rows = shown.map(({ op, kind, key, reason }) => {
      const failed = trouble.get(`${kind} ${key}`);
      return [op, kind, plain(key), plain(failed ? `${reason}; ${failed}` : reason)];
    });
    blocks.push((await draw(['OP', 'WHAT', 'KEY', 'REASON'], rows)) + (more ? `\n${more}` : ''));
  }
  if (report.held.length) {
    const { shown, more } = capped(report.held);
    const rows = shown.map((entry) => [entry.kind, plain(entry.key), heldMark(entry), plain(entry.detail)]);
    blocks.push((await draw(['HELD', 'KEY', 'WHY', 'DETAIL'], rows)) + (more ? `\n${more}` : ''));
  }
  blocks.push(summaryLine(report));
  return `${blocks.join('\n\n')}\n`;
}
