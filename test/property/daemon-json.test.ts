/** Whatever daemon.json has, in whatever form: an edit changes what is ours and no other byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DaemonValues, editDaemonJson, readDaemonJson } from '../../reconciler/docker/daemon-json.ts';
import { holds } from '../helpers/property.ts';

const OURS = ['bip', 'mtu', 'ip-masq'];

const space = fc.constantFrom('', ' ', '\n', '\n  ', '\n\t', '\r\n    ', '  \n\n ');
const key = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'dns',
      'log-opts',
      'bip2',
      'Bip',
      'MTU',
      'a"b',
      'c\\d',
      '{',
      '},',
      'é',
      '',
      'x: "y"',
      'registry-mirrors',
    ),
  },
  { weight: 1, arbitrary: fc.string() },
);
const foreignValue = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value, null, 2)),
  fc.constantFrom(
    '1.0',
    '-0',
    '1e3',
    '"\\u00e9"',
    '"}"',
    '",\\""',
    '[ ]',
    '{ }',
    '{"bip": "x", "mtu": [1, {"ip-masq": null}]}',
    'true',
  ),
);
const ourValue = fc.constantFrom(
  '"10.5.34.1/24"',
  '1450',
  'true',
  'false',
  'null',
  '"172.17.0.1/16"',
  '[1]',
  '{"a":"b"}',
);

/** One member with the space around its parts: written out, so that the test knows where everything stands. */
interface Part {
  name: string;
  before: string;
  rawName: string;
  colon: string;
  value: string;
  after: string;
}
const part = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<Part> =>
  fc
    .record({ name, before: space, beforeColon: space, afterColon: space, value, after: space, escaped: fc.boolean() })
    .map(({ beforeColon, afterColon, escaped, ...rest }) => ({
      ...rest,
      // The same name, otherwise written.
      rawName: escaped && rest.name === 'mtu' ? '"\\u006dtu"' : JSON.stringify(rest.name),
      colon: `${beforeColon}:${afterColon}`,
    }));

const parts = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: part(
        key.filter((name) => !OURS.includes(name)),
        foreignValue,
      ),
    },
    { weight: 2, arbitrary: part(fc.constantFrom(...OURS), ourValue) },
  ),
  { maxLength: 6 },
);
const frame = fc.record({ head: fc.constantFrom('', '\ufeff', '\n', ' \t'), empty: space, tail: space });

const memberText = ({ before, rawName, colon, value, after }: Part): string => before + rawName + colon + value + after;
const textOf = (
  members: readonly Part[],
  { head, empty, tail }: { head: string; empty: string; tail: string },
): string => `${head}{${members.length ? members.map(memberText).join(',') : empty}}${tail}`;
const parse = (text: string): Record<string, unknown> => JSON.parse(text.replace(/^\ufeff/, ''));

const wanted: fc.Arbitrary<Partial<Record<keyof DaemonValues, unknown>>> = fc.record(
  {
    bip: fc.constantFrom(undefined, '10.5.34.1/24'),
    mtu: fc.constantFrom(undefined, 1450, 8951),
    'ip-masq': fc.constantFrom(undefined, true, false),
  },
  { requiredKeys: [] },
);

/** What stands there for others, in order: names and values as they are written. */
const foreign = (members: readonly Part[]): string[] =>
  members.filter(({ name }) => !OURS.includes(name)).map(({ rawName, colon, value }) => rawName + colon + value);

test('an edit does what it should, keeps every other member to the byte and in order, and twice is once', (t) =>
  holds(
    t,
    fc.tuple(parts, frame, wanted),
    async ([members, around, values]) => {
      const text = textOf(members, around);
      fc.pre(!text.includes('\ufffd'));
      assert.equal(typeof readDaemonJson(text), 'object', text);
      const edited = editDaemonJson(text, values)!;

      const expected = parse(text);
      for (const [name, value] of Object.entries(values)) {
        if (value === undefined) delete expected[name];
        else expected[name] = value;
      }
      assert.deepEqual(parse(edited), expected);
      assert.equal(editDaemonJson(edited, values), edited);

      // Before the brace and behind it, and each foreign member as it was written.
      assert.ok(edited.startsWith(`${around.head}{`));
      assert.ok(edited.endsWith(`}${around.tail}`));
      let at = 0;
      for (const one of foreign(members)) {
        const found = edited.indexOf(one, at);
        assert.ok(found >= 0, `${JSON.stringify(one)} in ${JSON.stringify(edited)}`);
        at = found + one.length;
      }
    },
    2000,
  ));

test('a value that is another is changed in its place, and nothing else', (t) =>
  holds(
    t,
    fc.tuple(parts, part(fc.constant('bip'), ourValue), parts, frame),
    async ([ahead, ours, behind, around]) => {
      const others = (members: Part[]): Part[] => members.filter(({ name }) => name !== 'bip');
      const text = (value: string): string => textOf([...others(ahead), { ...ours, value }, ...others(behind)], around);
      fc.pre(!text('').includes('\ufffd'));
      assert.equal(editDaemonJson(text(ours.value), { bip: '10.5.9.1/24' }), text('"10.5.9.1/24"'));
    },
    1000,
  ));

test('one that is added and taken out again leaves the file as it was', (t) =>
  holds(
    t,
    fc.tuple(parts, frame),
    async ([members, around]) => {
      const before = members.filter(({ name }) => name !== 'mtu');
      fc.pre(before.length > 0);
      const text = textOf(before, around);
      fc.pre(!text.includes('\ufffd'));
      const added = editDaemonJson(text, { mtu: 1450 })!;
      assert.notEqual(added, text);
      assert.equal(editDaemonJson(added, { mtu: undefined }), text);
    },
    1000,
  ));
