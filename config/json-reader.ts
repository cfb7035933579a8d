/** JSON as a tree that keeps each value's source text, which JSON.parse forgets: Go tells 24 from 24.0, and keys may come twice. */

import { ConfigError } from './errors.ts';
import { foreign } from './foreign-text.ts';

export type JsonNode =
  | { kind: 'object'; raw: string; members: { name: string; value: JsonNode }[] }
  /** A string's `raw` has its quotes. Arrays are never looked into. */
  | { kind: 'array' | 'string' | 'number' | 'bool' | 'null'; raw: string };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Go's own limit (encoding/json maxNestingDepth) is 10,000; ours keeps the recursion off the stack's end. */
const MAX_DEPTH = 1000;

/** Reads one JSON text. @throws ConfigError with field "" that names line and column. */
export function readJson(text: string): JsonNode {
  return new JsonReader(text).document();
}

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonNode {
    // Invisible, and so not to be shown as what was found instead of the right thing.
    if (this.#text.startsWith('\ufeff'))
      throw new ConfigError(
        '',
        'It begins with a byte order mark (BOM, U+FEFF), which JSON may not have; save it as UTF-8 without BOM.',
      );
    this.#space();
    const node = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('the text to end');
    return node;
  }

  #value(depth: number): JsonNode {
    const start = this.#at;
    switch (this.#text[start]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        this.#string();
        return { kind: 'string', raw: this.#text.slice(start, this.#at) };
      case 't':
        return this.#word('true', 'bool');
      case 'f':
        return this.#word('false', 'bool');
      case 'n':
        return this.#word('null', 'null');
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonNode {
    const start = this.#open(depth);
    const members: { name: string; value: JsonNode }[] = [];
    if (this.#text[this.#at] !== '}') {
      do {
        this.#space();
        if (this.#text[this.#at] !== '"') this.#fail('a key in quotes');
        const name = this.#string();
        this.#space();
        if (!this.#take(':')) this.#fail('":"');
        this.#space();
        members.push({ name, value: this.#value(depth + 1) });
        this.#space();
      } while (this.#take(','));
    }
    if (!this.#take('}')) this.#fail('"," or "}"');
    return { kind: 'object', raw: this.#text.slice(start, this.#at), members };
  }

  #array(depth: number): JsonNode {
    const start = this.#open(depth);
    if (this.#text[this.#at] !== ']') {
      do {
        this.#space();
        this.#value(depth + 1);
        this.#space();
      } while (this.#take(','));
    }
    if (!this.#take(']')) this.#fail('"," or "]"');
    return { kind: 'array', raw: this.#text.slice(start, this.#at) };
  }

  #open(depth: number): number {
    if (depth > MAX_DEPTH) this.#fail(`no more than ${MAX_DEPTH} levels`);
    const start = this.#at++;
    this.#space();
    return start;
  }

  /** Reads a string and returns what it stands for. */
  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (this.#at++; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) break;
      if (Number.isNaN(code) || code < 0x20) this.#fail('a closing quote');
      if (code !== 0x5c) continue;
      escaped = true;
      this.#at++;
      const letter = this.#text[this.#at];
      if (letter === 'u' && /^[0-9a-fA-F]{4}$/.test(this.#text.slice(this.#at + 1, this.#at + 5))) this.#at += 4;
      else if (letter === undefined || !'"\\/bfnrt'.includes(letter)) this.#fail('an escape such as \\n or \\u0041');
    }
    this.#at++;
    const raw = this.#text.slice(start, this.#at);
    return escaped ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  }

  #number(): JsonNode {
    NUMBER.lastIndex = this.#at;
    const raw = NUMBER.exec(this.#text)?.[0];
    if (raw === undefined) this.#fail('a value');
    this.#at += raw.length;
    return { kind: 'number', raw };
  }

  #word(raw: string, kind: 'bool' | 'null'): JsonNode {
    if (!this.#text.startsWith(raw, this.#at)) this.#fail('a value');
    this.#at += raw.length;
    return { kind, raw };
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #fail(expected: string): never {
    if (this.#text.trim() === '') throw new ConfigError('', 'The text is empty, but must be a JSON object.');
    const before = this.#text.slice(0, this.#at).split('\n');
    const found = this.#at < this.#text.length ? foreign(JSON.stringify(this.#text[this.#at])) : 'the end';
    const where = `line ${before.length}, column ${before[before.length - 1]!.length + 1}`;
    throw new ConfigError('', `The text is not JSON: expected ${expected} at ${where}, but found ${found}.`);
  }
}
