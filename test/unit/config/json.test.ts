import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../../config/errors.ts';
import { boolOf, decodeStruct, intOf, stringOf, structFields } from '../../../config/go-json.ts';
import { readJson } from '../../../config/json-reader.ts';

interface Sample {
  Name: string;
  Count: number;
  On: boolean;
  Kinks: string;
}

const FIELDS = structFields<Sample>({
  Name: (to, node) => {
    to.Name = stringOf(node, 'Name', to.Name);
  },
  Count: (to, node) => {
    to.Count = intOf(node, 'Count', to.Count, { min: -5, max: 30, right: '-5 to 30' });
  },
  On: (to, node) => {
    to.On = boolOf(node, 'On', to.On);
  },
  Kinks: (to, node) => {
    to.Kinks = stringOf(node, 'Kinks', to.Kinks);
  },
});
const read = (text: string): Sample =>
  decodeStruct(readJson(text), { Name: 'none', Count: 1, On: true, Kinks: '' }, FIELDS, '');

test('keys match whatever their case; the last of several wins; unknown ones are ignored', () => {
  assert.equal(read('{"name":"a"}').Name, 'a');
  assert.equal(read('{"NAME":"a","x":{"Name":"b"}}').Name, 'a');
  assert.equal(read('{"Name":"a","name":"b"}').Name, 'b');
  assert.equal(read('{"name":"b","Name":"a"}').Name, 'a');
  assert.equal(read('{"\\u004eame":"a"}').Name, 'a');
  assert.equal(read('{"\u212ain\u212a\u017f":"folded as Go does"}').Kinks, 'folded as Go does');
  assert.equal(read('{"__proto__":1,"constructor":2}').Name, 'none');
});

test('null keeps what was', () => {
  assert.deepEqual(read('{"Name":null,"Count":null,"On":null}'), read('{}'));
  assert.equal(read('{"Count":7,"Count":null}').Count, 7);
  assert.deepEqual(read('null'), read('{}'));
});

test('every occurrence is checked, not only the last', () => {
  assert.throws(() => read('{"Count":"x","Count":7}'), { field: 'Count' });
});

test('integers are digits and nothing else', () => {
  assert.equal(read('{"Count":-5}').Count, -5);
  assert.equal(read('{"Count":0}').Count, 0);
  for (const bad of ['24.0', '2e1', '"24"', '31', '-6', 'true', '[]', '{}', '1e-1', '99999999999999999999', '-0']) {
    assert.throws(
      () => read(`{"Count":${bad}}`),
      (error) => error instanceof ConfigError && error.field === 'Count' && error.message.includes(bad),
      bad,
    );
  }
});

test('strings and bools of the wrong type are named', () => {
  assert.throws(() => read('{"Name":1}'), { message: 'Name is 1, but must be text in quotes.' });
  assert.throws(() => read('{"On":"true"}'), { message: 'On is "true", but must be true or false, without quotes.' });
  assert.throws(() => read('[]'), { field: '', message: 'The text is [], but must be a JSON object.' });
});

test('a long value is cut short in the message', () => {
  assert.throws(() => read(`{"On":"${'x'.repeat(100)}"}`), /On is "x{63}… \(102 characters in all\), but/);
});

test('source text and escapes', () => {
  const node = readJson(' {"a" : [1, {"b":"\\u00e9\\n"}] , "c":-1.50E+2} ');
  assert.equal(node.kind, 'object');
  if (node.kind !== 'object') return;
  assert.deepEqual(
    node.members.map(({ name, value }) => [name, value.kind, value.raw]),
    [
      ['a', 'array', '[1, {"b":"\\u00e9\\n"}]'],
      ['c', 'number', '-1.50E+2'],
    ],
  );
  assert.equal(read('{"Name":"\\u00e9\\n\\"\\\\"}').Name, 'é\n"\\');
});

test('what is no JSON is refused, with the place', () => {
  const cases: [string, string][] = [
    ['', 'The text is empty, but must be a JSON object.'],
    [' \n', 'The text is empty, but must be a JSON object.'],
    ['{"Name":"a",}', 'The text is not JSON: expected a key in quotes at line 1, column 13, but found "}".'],
    ['{\n  "Name" "a"}', 'The text is not JSON: expected ":" at line 2, column 10, but found "\\"".'],
    ['{"Name":"a"', 'The text is not JSON: expected "," or "}" at line 1, column 12, but found the end.'],
    ['{} x', 'The text is not JSON: expected the text to end at line 1, column 4, but found "x".'],
  ];
  for (const [text, message] of cases) assert.throws(() => readJson(text), { name: 'ConfigError', field: '', message });
});

test('the reader accepts and refuses what JSON.parse does', () => {
  const texts = [
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    'nul',
    'tru',
    "'a'",
    '"a',
    '"\\x"',
    '"\\u12"',
    '"\t"',
    '[1,]',
    '[1 2]',
  ];
  texts.push('{a:1}', '{"a":1 "b":2}', '{"a"}', '\ufeff{}', '//', '[', '{', '"\\', 'NaN', '1 2', '\u00a01');
  for (const text of texts) {
    assert.throws(() => JSON.parse(text), text);
    assert.throws(() => readJson(text), ConfigError, text);
  }
  for (const text of ['0', '-0', '1.5e-7', '""', '[]', '{}', '[[],{}]', '"\\/"', '\t\r\n null \n', '"\u2028"']) {
    JSON.parse(text);
    readJson(text);
  }
});

test('a bottomless text is refused, not a stack overflow', () => {
  assert.throws(() => readJson('['.repeat(100_000)), ConfigError);
});
