/** Owns the package's copyright file: ours, and that of what is in the bundle or beside it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../script.mjs';

/** Names that a licence file has. */
const LICENCE = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

/** "Copyright (c) 2016 Somebody", as its licence file has it. */
function holdersOf(folder) {
  const file = readdirSync(folder).find((name) => LICENCE.test(name));
  const text = file ? readFileSync(join(folder, file), 'utf8') : '';
  const holders = text.match(/^\s*(?:\/\*+\s*)?copyright\s+(?:\(c\)|©|\d).*$/gim) ?? [];
  return holders.map((line) => line.trim()).slice(0, 3);
}

/** `names`: the npm packages; `node`: whether a Node is in the package too. */
export function copyright(names, node) {
  const lines = [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: selvage',
    'Comment: The program is one file, bundled from its own source and the packages below.',
    '',
    'Files: *',
    'Copyright: the authors of selvage',
    'License: Apache-2.0',
    '',
  ];
  for (const name of [...names].sort()) {
    const folder = join(root, 'node_modules', name);
    const { license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const holders = holdersOf(folder);
    const by = typeof author === 'string' ? author : author?.name;
    lines.push(
      `Files: usr/lib/selvage/${name === 'koffi' ? 'node_modules/*' : `selvage.cjs#${name}`}`,
      `Copyright: ${(holders.length > 0 ? holders : [`the authors of ${name}${by ? ` (${by})` : ''}`]).join('\n ')}`,
      `License: ${license}`,
      '',
    );
  }
  if (node) {
    lines.push(
      'Files: usr/lib/selvage/bin/node',
      'Copyright: Node.js contributors; see /usr/share/doc/selvage/LICENSE.node',
      'License: MIT and others',
      '',
    );
  }
  lines.push(
    'License: Apache-2.0',
    ' On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.',
    '',
    'License: MIT',
    ...readFileSync(join(root, 'node_modules/koffi/LICENSE.txt'), 'utf8')
      .split('\n')
      .filter((line) => !/^(MIT License|Copyright)/.test(line))
      .map((line) => (line.trim() === '' ? ' .' : ` ${line}`)),
  );
  return `${lines.join('\n').replace(/(\n \.)+\n*$/, '')}\n`;
}
