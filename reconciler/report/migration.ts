/** Owns the answer of `selvage migrate`: what is copied, what is there already, and what differs. */
import { formatDuration } from '../../config/duration.ts';
import type { MigrationDocument, MigrationEntry } from '../store/migration.ts';
import { cell, draw, markdownTable, PLAIN_LOOK, wrap } from './draw.ts';
import type { Format } from './render.ts';
import { plain } from './text.ts';

/** Everything is on the other side, or would be. */
export const migrationIsWhole = ({ entries }: MigrationDocument): boolean =>
  entries.every(({ action }) => action === 'copy' || action === 'copied' || action === 'same');

const WORDS: Record<MigrationEntry['action'], string> = {
  copy: 'would be copied',
  copied: 'copied',
  same: 'there already',
  differs: 'differs there; left as it is',
  exists: 'made by somebody meanwhile; left as it is',
  unfit: 'not copied',
};

/** As text that ends with a line feed. */
export function renderMigration(document: MigrationDocument, format: Format, look = PLAIN_LOOK): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { from, to, entries, applied } = document;
  const count = (...actions: MigrationEntry['action'][]): number =>
    entries.filter(({ action }) => actions.includes(action)).length;
  const copied = applied ? `${count('copied')} copied` : `${count('copy')} to be copied (say --apply to do it)`;
  const title = `${from.kind} to ${to.kind} at ${to.where}: ${copied}, ${count('same')} there already, ${count('differs', 'exists', 'unfit')} not copied`;
  const head = ['KEY', 'WHAT', 'TIME LEFT', 'WRONG WITH IT'];
  const rows = entries.map((entry) => [entry.key, WORDS[entry.action], timeOf(entry), wrongWith(entry)].map(plain));
  const markdown = format === 'markdown';
  const blocks = [markdown ? `## ${cell(plain(title))}` : wrap(plain(title), look.width)];
  if (rows.length) blocks.push(markdown ? markdownTable(head, rows) : draw(head, rows, look.width));
  return `${blocks.join('\n\n')}\n`;
}

const timeOf = ({ timeLeft }: MigrationEntry): string =>
  timeLeft === null ? 'permanent' : formatDuration(timeLeft * 1000);

function wrongWith({ action, value, there, problem }: MigrationEntry): string {
  if (action === 'differs') return `There it is ${there}, here ${value}.`;
  return problem ?? '';
}
