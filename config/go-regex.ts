/** Owns the reading of regular expressions as Go's RE2 has them: of what RE2 adds to JavaScript's, the leading group of flags is what people use. */

/** undefined for one that is none. `wrap`: puts more around what follows the flags. */
export function goRegex(text: string, wrap = (body: string): string => body): RegExp | undefined {
  const [, flags, rest] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(text)!;
  try {
    // Alone first: what is wrapped could close what is open in it.
    new RegExp(rest!);
    return new RegExp(wrap(rest!), flags && [...new Set(flags)].join(''));
  } catch {
    return undefined;
  }
}
