/** Owns how rows become a table, on a terminal or in markdown, and how text is wrapped to a width. */
import { plain } from './text.ts';

/** How a person is shown things. */
export interface Look {
  /** Columns; what is longer wraps between words. */
  width: number;
  color: boolean;
  /** Each of many alike on a line of its own. */
  all: boolean;
}

export const PLAIN_LOOK: Look = { width: 80, color: false, all: false };

const GAP = 2;
/** In a wider one a long path here and there stands out, and the rest is a table all the same. */
const NARROW = 60;

/** Columns side by side, each as wide as its widest line; a cell may have several. Where a narrow terminal has no room for that, each row is a block. */
export function draw(head: string[], rows: string[][], width = PLAIN_LOOK.width): string {
  const widths = columnWidths([head, ...rows], width);
  if (width < NARROW && total(widths) > width) return rows.map((row) => stacked(head, row, width)).join('\n\n');
  return [head, ...rows].flatMap((row) => drawRow(row, widths)).join('\n');
}

const total = (widths: readonly number[]): number => widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1));

/** A line for each column that has a name, with those that have none beside it. */
function stacked(head: readonly string[], row: readonly string[], width: number): string {
  const first = head.findIndex((name) => name !== '');
  const lines: [name: string, text: string][] = [];
  for (const [column, text] of row.entries()) {
    const last = lines.at(-1);
    if (last && (head[column] === '' || column <= first)) last[1] = [last[1], text].filter(Boolean).join(' ');
    else lines.push([head[Math.max(column, first)]!, text]);
  }
  const names = Math.max(...lines.map(([name]) => name.length));
  return lines
    .filter(([, text]) => text !== '')
    .flatMap((line) => drawRow(line, [names, width - names - GAP]))
    .join('\n');
}

function drawRow(row: string[], widths: readonly number[]): string[] {
  const cells = row.map((text, column) => wrap(text, widths[column]!).split('\n'));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, column) => padded(lines[line] ?? '', widths[column]! + GAP))
      .join('')
      .trimEnd(),
  );
}

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)));

/** The widest columns give way until all fit, but none is narrower than its longest word: nothing that one would copy is cut. */
function columnWidths(rows: readonly string[][], width: number): number[] {
  const longest = (column: number, pattern: RegExp): number =>
    rows.flatMap((row) => (row[column] ?? '').split(pattern)).reduce((most, part) => Math.max(most, lengthOf(part)), 0);
  const columns = rows[0]!.map((_, column) => ({ width: longest(column, /\n/), least: longest(column, /\s/) }));
  let excess = total(columns.map((column) => column.width)) - width;
  for (; excess > 0; excess--) {
    const wide = columns.filter((column) => column.width > column.least);
    if (wide.length === 0) break;
    wide.reduce((a, b) => (b.width > a.width ? b : a)).width--;
  }
  return columns.map((column) => column.width);
}

/** Breaks lines at spaces, and indents them as they were; a longer word stands out. */
export function wrap(text: string, width: number, indent = ''): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, width - indent.length).join(`\n${indent}`))
    .map((line) => indent + line)
    .join('\n');
}

function wrapLine(line: string, width: number): string[] {
  if (lengthOf(line) <= width) return [line];
  const [indent = ''] = /^ */.exec(line) ?? [];
  const [first = '', ...words] = line.trimStart().split(' ');
  const lines = [indent + first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lengthOf(longer) > width) lines.push(indent + word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** Without what colours it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told
const lengthOf = (text: string): number => text.replace(/\u001b\[\d+m/g, '').length;

const COLORS = { red: 31, green: 32, yellow: 33, bold: 1 } as const;

export const paint = (text: string, color: keyof typeof COLORS, look: Look): string =>
  look.color ? `\u001b[${COLORS[color]}m${text}\u001b[0m` : text;

/** A key from etcd must not end its cell or start markup of its own. */
export const cell = (text: string): string => plain(text).replace(/[\\|`*_<>[\]]/g, (c) => `\\${c}`);

export function markdownTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join('\n');
}
