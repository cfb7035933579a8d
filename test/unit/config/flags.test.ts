import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMMANDS, envNames, FLAGS, flagNamed } from '../../../config/flags.ts';
import { readFlag } from '../../../config/go-value.ts';
import { flagsPage, helpText } from '../../../config/help.ts';

test('names are unique, and so are the variables that they come to', () => {
  const names = FLAGS.map((flag) => flag.name);
  assert.equal(new Set(names).size, names.length);
  const variables = FLAGS.flatMap(envNames);
  assert.equal(new Set(variables).size, variables.length);
  assert.deepEqual(envNames(flagNamed('subnet-lease-renew-margin')!), [
    'SELVAGE_SUBNET_LEASE_RENEW_MARGIN',
    'FLANNELD_SUBNET_LEASE_RENEW_MARGIN',
    'FLANNEL_SUBNET_LEASE_RENEW_MARGIN',
  ]);
});

test('each row has a default of its type that passes its own check, and one line of help', () => {
  for (const { name, type, default: text, check, help, commands } of FLAGS) {
    const read = readFlag(type, text === '' && type === 'list' ? [] : [text]);
    assert.ok('value' in read, name);
    assert.equal(check?.safeParse(read.value).success ?? true, true, name);
    assert.match(help, /^[^\n]*[^.\n]$/, name);
    for (const command of commands) assert.ok(COMMANDS.includes(command), name);
  }
});

test('what takes a value says which', () => {
  for (const { name, type, placeholder } of FLAGS) assert.equal(placeholder === undefined, type === 'bool', name);
});

test('help names every flag and every command', () => {
  const text = helpText();
  for (const { name } of FLAGS) assert.match(text, new RegExp(`^  --${name}( |$)`, 'm'), name);
  for (const word of ['selvage [run]', 'selvage drift', 'selvage leases', 'selvage check-config', 'selvage --once']) {
    assert.ok(text.includes(word), word);
  }
  assert.ok(text.endsWith('\n'));
});

test('docs/flags.md is what the table says', () => {
  const page = readFileSync(new URL('../../../docs/flags.md', import.meta.url), 'utf8');
  assert.equal(page, flagsPage());
});
