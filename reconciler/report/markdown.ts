/** Owns the report as it goes into a ticket or a chat. */
import type { Report } from '../contracts/report.ts';
import { cell, type Look, PLAIN_LOOK, markdownTable as table } from './draw.ts';
import { driftRows, heldRows } from './rows.ts';
import { headline, summaryLine } from './text.ts';

export function renderMarkdown(report: Report, { all }: Look = PLAIN_LOOK): string {
  const blocks = [`## selvage: ${cell(headline(report))}`];
  const drift = driftRows(report, all);
  if (drift.length) {
    const rows = drift.map(({ op, kind, text, differs, reason, peer }) => {
      return [op, kind, [text.replace(/\n\s*/g, ' '), ...differs].join('; '), reason, peer];
    });
    blocks.push('### Drift', table(['op', 'what', '', 'why', 'for'], rows));
  }
  const held = heldRows(report, all);
  if (held.length) {
    const rows = held.map(({ kind, text, why, detail }) => [kind, text, why, detail]);
    blocks.push('### Held', table(['what', '', 'why', 'detail'], rows));
  }
  blocks.push(`**${summaryLine(report)}**`);
  return `${blocks.join('\n\n')}\n`;
}
