/** Owns how selvage ends without an answer: nothing on stdout, one sentence on stderr, no stack trace. */
import assert from 'node:assert/strict';
import type { ExecResult } from './netns.ts';

/** No answer, and one sentence on stderr. */
export function assertSentence({ stdout, stderr, code }: ExecResult, expected: number, says: RegExp): void {
  assert.equal(code, expected, stderr);
  assert.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0]!, /^selvage: \S/);
  assert.match(lines[0]!, says);
  assert.doesNotMatch(stderr, /\n\s+at |node:internal|\[object|undefined/);
}
