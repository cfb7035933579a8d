/** Owns which formats a report comes in. */
import type { Report } from '../contracts/report.ts';
import { renderJson } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import { renderTable } from './table.ts';

export type Format = 'table' | 'json' | 'markdown';

/** The report as text that ends with a line feed. */
export async function render(report: Report, format: Format): Promise<string> {
  switch (format) {
    case 'json':
      return renderJson(report);
    case 'markdown':
      return renderMarkdown(report);
    case 'table':
      return renderTable(report);
  }
}
