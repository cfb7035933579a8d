/** Owns the report as it goes into a ticket or a chat. */
import type { Report } from '../contracts/report.ts';
import { cell, markdownTable as table } from './draw.ts';
import { capped, headline, heldMark, summaryLine, troubles } from './text.ts';

export function renderMarkdown(report: Report): string {
  const blocks = [`## selvage: ${cell(headline(report))}`];
  if (report.drift.length) {
    const { shown, more } = capped(report.drift);
    const trouble = troubles(report);
    const rows = shown.map(({ op, kind, key, reason }) => {
      const failed = trouble.get(`${kind} ${key}`);
      return [op, kind, key, failed ? `${reason}; ${failed}` : reason];
    });
    blocks.push('### Drift', table(['op', 'what', 'key', 'reason'], rows));
    if (more) blocks.push(`…${more}`);
  }
  if (report.held.length) {
    const { shown, more } = capped(report.held);
    blocks.push(
      '### Held',
      table(
        ['what', 'key', 'why', 'detail'],
        shown.map((entry) => [entry.kind, entry.key, heldMark(entry), entry.detail]),
      ),
    );
    if (more) blocks.push(`…${more}`);
  }
  blocks.push(`**${summaryLine(report)}**`);
  return `${blocks.join('\n\n')}\n`;
}
