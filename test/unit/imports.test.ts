/** The house: imports go one way (docs/design.md), and no file imports one that imports it, be it for a type. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What each part of the house may import from, beside itself. */
const MAY_IMPORT: Record<string, string[]> = {
  config: [],
  reconciler: ['config'],
  states: ['config', 'reconciler', 'version.ts'],
  drivers: ['config', 'reconciler', 'version.ts'],
  'compose.ts': ['config', 'reconciler', 'states', 'drivers', 'version.ts'],
  commands: ['config', 'reconciler', 'states', 'drivers', 'compose.ts', 'version.ts'],
};

const partOf = (file: string): string => file.split('/')[0]!;

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+\.ts)'/g);
  return [...found].map(([, path]) => join(dirname(file), path!));
}

const files = Object.keys(MAY_IMPORT).flatMap((part) =>
  part.endsWith('.ts')
    ? [part]
    : readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(part, name)),
);
const imports = new Map(files.map((file) => [file, importsOf(file)]));

it('imports go one way', () => {
  assert.ok(files.length > 300, 'all of it is looked at');
  const wrong = files.flatMap((file) => {
    const part = partOf(file);
    const allowed = [part, ...MAY_IMPORT[part]!];
    return imports.get(file)!.flatMap((other) => (allowed.includes(partOf(other)) ? [] : `${file} → ${other}`));
  });
  assert.deepEqual(wrong, []);
});

it('no file imports one that imports it', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  function follow(file: string, way: readonly string[]): void {
    if (done.has(file)) return;
    const at = way.indexOf(file);
    if (at >= 0) return void circles.push([...way.slice(at), file].join(' → '));
    for (const other of imports.get(file) ?? []) follow(other, [...way, file]);
    done.add(file);
  }
  for (const file of files) follow(file, []);
  assert.deepEqual(circles, []);
});
