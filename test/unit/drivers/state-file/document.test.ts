import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatStateFile, parseStateFile } from '../../../../drivers/state-file/document.ts';
import { CONFIG, CONFIG_KEY, keyFor, PREFIX, valueFor } from '../../../helpers/store.ts';

describe('the document of a state file', () => {
  it('says what a store says, to the byte', () => {
    const leases = new Map([
      ['10.5.10.0-24', valueFor(1)],
      ['10.5.9.0-24', '{ "PublicIP" : "192.168.0.2" }'],
      ['odd&key', 'junk'],
    ]);
    const text = formatStateFile(CONFIG, leases);
    assert.deepEqual(
      parseStateFile(text, PREFIX),
      new Map([
        [CONFIG_KEY, CONFIG],
        [`${PREFIX}/subnets/odd&key`, 'junk'],
        [keyFor('10.5.9.0/24'), '{ "PublicIP" : "192.168.0.2" }'],
        [keyFor('10.5.10.0/24'), valueFor(1)],
      ]),
    );
    assert.match(text, /^ {4}"10\.5\.10\.0-24": \{"PublicIP":"192\.168\.0\.1",/m);
    assert.ok(text.indexOf('10.5.9.0') < text.indexOf('10.5.10.0'), 'in the order of numbers');
  });

  it('reads back any texts', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !text.includes('/') && text !== '__proto__');
    const value = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(fc.option(value, { nil: undefined }), fc.dictionary(name, value), (config, leases) => {
        const written = formatStateFile(config, new Map(Object.entries(leases)));
        const read = parseStateFile(written, PREFIX);
        const expected = new Map(Object.entries(leases).map(([key, text]) => [`${PREFIX}/subnets/${key}`, text]));
        if (config !== undefined) expected.set(CONFIG_KEY, config);
        const sorted = (map: Map<string, string>) => [...map].sort();
        assert.deepEqual(sorted(read), sorted(expected));
      }),
      { numRuns: 300 },
    );
  });

  it('takes subnets as people write them', () => {
    const text = '{"version":1,"leases":{"10.5.1.0/24":{"PublicIP":"192.168.0.1"}}}';
    assert.deepEqual([...parseStateFile(text, PREFIX).keys()], [keyFor('10.5.1.0/24')]);
  });

  for (const [text, words] of [
    ['{', /it is no JSON/],
    ['[]', /expected object/],
    ['{}', /version: must be 1/],
    ['{"version":2}', /version: must be 1/],
    ['{"version":1,"lease":{}}', /Unrecognized key: "lease"/],
    ['{"version":1,"leases":{"10.5.1.0-24":7}}', /leases\.10\.5\.1\.0-24: must be an object, or a text/],
    ['{"version":1,"leases":{"10.5.1.0-24":"","10.5.1.0/24":""}}', /10\.5\.1\.0\/24 is there twice/],
  ] as const) {
    it(`refuses ${text}`, () => assert.throws(() => parseStateFile(text, PREFIX), words));
  }
});
