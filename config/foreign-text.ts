/**
 * Owns how text that somebody else wrote (keys and values in the store, an answer of etcd's or Docker's, file names) is shown: cleaned and
 * bounded, in a table, a report, a log line or an error. It takes time in proportion to what is shown, not to what was written.
 */

/** A name, a word: what a sentence quotes of somebody else's. In graphemes. */
export const MOST_WORD = 64;
/** A sentence of ours with such words in it. */
export const MOST_SENTENCE = 2000;

const PLAIN_ASCII = /^[ -~]*$/;
/**
 * Control and bidi characters (Cc, Cf), lone surrogates, what has no agreed meaning, line separators, spaces that are none of ours, and all that
 * Unicode says may be drawn as nothing (TR44).
 */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;
/** Code units: of a letter with its accents, or an emoji of a family. Marks may be heaped on one letter without end. */
const MOST_GRAPHEME = 8;

let segmenter: Intl.Segmenter | undefined;

/** `text` with what can't be seen escaped (`\x1b`, `\u202e`), and after `most` graphemes (as people count letters) only how much more there is. */
export function foreign(text: string, most = MOST_WORD): string {
  if (text.length <= most && PLAIN_ASCII.test(text)) return text;
  const head = text.slice(0, endOf(text, most * MOST_GRAPHEME));
  const clean = head.replace(HIDDEN, escaped);
  let [shown, count] = ['', 0];
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(clean)) {
    if (count++ === most) return `${shown}${more(text)}`;
    shown += segment.slice(0, endOf(segment, MOST_GRAPHEME));
  }
  return head.length === text.length ? shown : `${shown}${more(text)}`;
}

/** The whole text's length: how much of it is shown can be seen. */
const more = ({ length }: string): string => `… (${length.toLocaleString('en')} characters in all)`;

/** `most` code units, or one less where that would cut a pair in two. */
function endOf(text: string, most: number): number {
  const last = text.charCodeAt(most - 1);
  return text.length > most && last >= 0xd800 && last <= 0xdbff ? most - 1 : most;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}
