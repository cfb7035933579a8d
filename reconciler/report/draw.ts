/** Owns how rows become a table, on a terminal or in markdown. */
import { plain } from './text.ts';

/** The drawing library is loaded when there is something to draw: start-up counts, and the daemon never draws. */
export async function draw(head: string[], rows: string[][]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    chars: RULES,
  });
  table.push(...rows);
  // Cells are padded to their column; the last one's padding would only wrap on a narrow terminal.
  return table.toString().replace(/[ \t]+$/gm, '');
}

const NONE = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
const INNER = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
const RULES = { ...Object.fromEntries([...NONE, ...INNER].map((name) => [name, ''])), middle: '  ' };

/** A key from etcd must not end its cell or start markup of its own. */
export const cell = (text: string): string => plain(text).replace(/[\\|`*_<>[\]]/g, (c) => `\\${c}`);

export function markdownTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join('\n');
}
