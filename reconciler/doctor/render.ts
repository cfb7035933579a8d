/** Owns how the answer of selvage doctor is read: on a terminal, as markdown, as JSON. */
import { formatDuration } from '../../config/duration.ts';
import { cell, type Look, PLAIN_LOOK, paint, wrap } from '../report/draw.ts';
import type { Format } from '../report/render.ts';
import { plain } from '../report/text.ts';
import type { Level } from './check.ts';
import { byCategory, type DoctorDocument } from './document.ts';
import type { Examined, Said } from './index.ts';

export const PAGE = 'docs/troubleshooting.md';

/** Of many findings of one check so many are told, unless all are asked for. */
const MOST_FINDINGS = 4;

const SIGNS: Record<Level, [sign: string, color: 'green' | 'yellow' | 'red' | 'bold']> = {
  ok: ['√', 'green'],
  warning: ['‼', 'yellow'],
  wrong: ['×', 'red'],
  unknown: ['–', 'bold'],
};

/** As text that ends with a line feed. */
export function renderDoctor(document: DoctorDocument, format: Format, look: Look = PLAIN_LOOK): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  if (format === 'markdown') return markdown(document, look);
  const blocks = byCategory(document.checks).map(([category, checks]) =>
    [paint(category, 'bold', look), ...checks.flatMap((check) => linesOf(check, look))].join('\n'),
  );
  const [, color] = SIGNS[document.healthy ? 'ok' : 'wrong'];
  return `${[...blocks, paint(wrap(sentence(document), look.width), color, look)].join('\n\n')}\n`;
}

function linesOf({ id, title, level, findings }: Examined, look: Look): string[] {
  const [sign, color] = SIGNS[level];
  const lines = [`${paint(sign, color, look)} ${wrap(title, look.width, '  ').trimStart()}`];
  const { told, more } = shown(findings, look);
  for (const { says, cure } of told) {
    lines.push(wrap(plain(says), look.width, '    '));
    if (cure) lines.push(wrap(`→ ${plain(cure)}`, look.width, '    '));
  }
  if (more) lines.push(`    … and ${more} more (--all)`);
  if (level === 'wrong' || level === 'warning') lines.push(`    see ${PAGE}#${id}`);
  return lines;
}

/** Where several say the same cure the last of them does. */
function shown(findings: readonly Said[], { all }: Look): { told: Said[]; more: number } {
  const told = all ? [...findings] : findings.slice(0, MOST_FINDINGS);
  const once = told.map((one, i) => (told[i + 1]?.cure === one.cure ? { ...one, cure: '' } : one));
  return { told: once, more: findings.length - told.length };
}

function sentence({ summary, healthy, probed, durationMs }: DoctorDocument): string {
  const { ok, warning, wrong, unknown } = summary;
  const parts = [`${ok} √`, `${warning} ‼`, `${wrong} ×`, `${unknown} –`].join(', ');
  const asked = probed ? ` ${probed.peers} of ${probed.of} peers were asked.` : '';
  return `${healthy ? 'Nothing is wrong, as far as this host can tell' : 'Something is wrong'}: ${parts}.${asked} It took ${formatDuration(durationMs)}.`;
}

function markdown(document: DoctorDocument, look: Look): string {
  const blocks = [sentence(document)];
  for (const [category, checks] of byCategory(document.checks)) {
    const lines = checks.map(({ id, title, level, findings }) => {
      const { told, more } = shown(findings, look);
      const said = told.map(({ says, cure }) => `  - ${cell(says)}${cure ? ` → ${cell(cure)}` : ''}`);
      const rest = more ? [`  - … and ${more} more`] : [];
      return [`- ${SIGNS[level][0]} [${cell(title)}](${PAGE}#${id})`, ...said, ...rest].join('\n');
    });
    blocks.push(`## ${category}\n\n${lines.join('\n')}`);
  }
  return `${blocks.join('\n\n')}\n`;
}
