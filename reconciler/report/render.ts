/** Owns which formats a report comes in. */
import type { Report } from '../contracts/report.ts';
import type { Look } from './draw.ts';
import { renderJson } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import { renderTable } from './table.ts';

export type Format = 'table' | 'json' | 'markdown';

/** The report as text that ends with a line feed. */
export function render(report: Report, format: Format, look?: Look): string {
  switch (format) {
    case 'json':
      return renderJson(report);
    case 'markdown':
      return renderMarkdown(report, look);
    case 'table':
      return renderTable(report, look);
  }
}
