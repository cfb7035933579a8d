/** Owns the report as a person reads it on a terminal: each thing as `ip`, `bridge` or `ls` print it, with the host that it is there for. */
import type { Op, Report } from '../contracts/report.ts';
import { isResourceKind } from '../kinds/index.ts';
import { draw, type Look, PLAIN_LOOK, paint, wrap } from './draw.ts';
import { driftRows, heldRows, type Row } from './rows.ts';
import { headline, plain, summaryLine } from './text.ts';

const SIGNS: Record<Op, [sign: string, color: 'green' | 'yellow' | 'red']> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  delete: ['-', 'red'],
};

export function renderTable(report: Report, look: Look = PLAIN_LOOK): string {
  const blocks = [wrap(headline(report), look.width)];
  const drift = driftRows(report, look.all);
  if (drift.length) blocks.push(draw(['', 'WHAT', '', 'WHY', 'FOR'], drift.map(cellsOf(look)), look.width));
  const held = heldRows(report, look.all);
  if (held.length) {
    const lines = held.map(({ kind, text, why, detail }) =>
      [wrap(plain(`${kind} ${text}: ${why}`), look.width, '  '), wrap(plain(detail), look.width, '    ')].join('\n'),
    );
    blocks.push(`Held:\n${lines.join('\n')}`);
  }
  if (drift.length < report.drift.length || held.length < report.held.length)
    blocks.push('Many that are alike are one line; --all shows each.');
  blocks.push(paint(wrap(summaryLine(report), look.width), report.converged ? 'green' : 'red', look));
  return `${blocks.join('\n\n')}\n`;
}

const cellsOf =
  (look: Look) =>
  ({ op, kind, text, differs, reason, peer }: Row): string[] => {
    const [sign, color] = SIGNS[op];
    // A resource's text may have lines of its own (a firewall's table); those in a name from the store are shown, not obeyed.
    const lines = isResourceKind(kind) ? text.split('\n') : [text];
    const what = [...lines.map(plain), ...differs.map((line) => `  ${plain(line)}`)].join('\n');
    return [paint(sign, color, look), kind, what, plain(reason), plain(peer)];
  };
