/** Reads the two lists of what is known to go wrong: docs/reference/doctor.md (passive checks) and docs/reference/flannel-in-use.md (what users report). */
import { readFileSync } from 'node:fs';
import type { Known } from '../../reconciler/doctor/page.ts';

const read = (name: string): string => readFileSync(new URL(`../reference/${name}`, import.meta.url), 'utf8');
const section = (text: string, title: string): string => text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';

export function knownCauses(): Known[] {
  const causes = [...section(read('doctor.md'), 'Passive checks').matchAll(/^\| (\d+b?) \| ([^|]+) \|/gm)].map(
    ([, number, what]) => ({ row: `doctor ${number}`, what: what!.trim() }),
  );
  const pains = [
    ...section(read('flannel-in-use.md'), 'What users report').matchAll(/^(\d+)\. \*\*([\s\S]+?)\*\*/gm),
  ].map(([, number, what]) => ({ row: `pain ${number}`, what: what!.replaceAll(/\s+/g, ' ').trim() }));
  return [...causes, ...pains];
}
