import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { foreign, MOST_SENTENCE, MOST_WORD } from '../../../config/foreign-text.ts';

describe('foreign text', () => {
  it('is as it was, if all of it can be seen', () => {
    for (const text of ['', 'vxlan', '/coreos.com/network/subnets/10.5.34.0-24', 'Zürich', '東京', 'a "b" \\c', '👍'])
      assert.equal(foreign(text), text);
  });

  const hidden: Record<string, string> = {
    '\u001b[2J': '\\x1b[2J',
    'a\nb\tc\u0000': 'a\\x0ab\\x09c\\x00',
    '\u009b': '\\x9b',
    'abc\u202etxt': 'abc\\u202etxt',
    '\u2066x\u2069': '\\u2066x\\u2069',
    'vx\u200blan\ufeff': 'vx\\u200blan\\ufeff',
    '\u{e0041}': '\\u{e0041}',
    '\ud800': '\\ud800',
    'a\u2028b': 'a\\u2028b',
    'a\u00a0b\u3000': 'a\\xa0b\\u3000',
    '\u3164\ufe0f\u115f': '\\u3164\\ufe0f\\u115f',
  };
  for (const [text, shown] of Object.entries(hidden)) {
    it(`shows what can't be seen: ${shown}`, () => assert.equal(foreign(text), shown));
  }

  it('is cut between what people call letters, and says how long it is', () => {
    assert.equal(foreign('x'.repeat(64), 64), 'x'.repeat(64));
    assert.equal(foreign('x'.repeat(10_000), 3), 'xxx… (10,000 characters in all)');
    const family = 'e\u0301';
    assert.equal(foreign(family.repeat(5), 5), family.repeat(5));
    assert.equal(foreign(family.repeat(6), 5), `${family.repeat(5)}… (12 characters in all)`);
    assert.equal(foreign('👍'.repeat(100), 2), '👍👍… (200 characters in all)');
    const flag = '🇨🇭';
    assert.equal(foreign(flag.repeat(9), 2), `${flag}${flag}… (36 characters in all)`);
  });

  it('is not heaped up on one letter', () => {
    const shown = foreign(`a${'\u0301'.repeat(1_000_000)}`, 5);
    assert.ok(shown.length < 100, String(shown.length));
    assert.match(shown, /characters in all/);
  });

  const letters = fc.constantFrom(...'aZ0 %é東👍🇨\u0301\u200d\u202e\u0000\n\ud83d\udc4d\u{e0100}\ufe0f');
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(letters).map((parts) => parts.join('')),
  );

  it('never has in it what a terminal obeys or hides, whatever it was, and is never longer than it may be', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 30 }), (text, most) => {
        const shown = foreign(text, most);
        assert.doesNotMatch(shown, /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        assert.ok(shown.length <= most * 8 + 40, `${shown.length} of ${most}`);
      }),
      { numRuns: 500 },
    );
  });

  it('is shown in time in proportion to what is shown: of a million characters as of ten thousand', () => {
    // CPU time of this process, which a busy machine doesn't stretch; what is quadratic in the length takes hours.
    const units = [
      'x',
      'é',
      '\u0301',
      '\u200d',
      '👩\u200d',
      '🇨',
      '\u202e',
      ' ',
      '\n',
      '\ud83d',
      '\u1100',
      '\r\n',
      '\u0600',
    ];
    const before = process.cpuUsage();
    for (const unit of units) {
      for (const length of [10_000, 1_000_000]) {
        const shown = foreign(unit.repeat(length), MOST_SENTENCE);
        assert.ok(shown.length <= MOST_SENTENCE * 8 + 40);
        assert.ok(foreign(unit.repeat(length)).length <= MOST_WORD * 8 + 40);
      }
    }
    const { user } = process.cpuUsage(before);
    assert.ok(user < 60_000_000, `${user / 1e6} s`);
  });
});
