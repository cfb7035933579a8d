/** Owns the report as a person reads it on a terminal. */
import type { Report } from '../report.ts';
import { capped, headline, heldMark, plain, summaryLine, troubles } from './text.ts';

/** The drawing library is loaded when there is something to draw: start-up counts, and the daemon never draws. */
async function draw(head: string[], rows: string[][]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({ head, style: { head: [], border: [] }, chars: RULES });
  table.push(...rows);
  // Cells are padded to their column; the last one's padding would only wrap on a narrow terminal.
  return table.toString().replace(/[ \t]+$/gm, '');
}

const NONE = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
const INNER = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
const RULES = { ...Object.fromEntries([...NONE, ...INNER].map((name) => [name, ''])), middle: '  ' };

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
