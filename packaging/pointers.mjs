/**
 * Owns what counts as a dangling pointer: something that a comment or a page names as part of this repository and that isn't in it.
 *
 * - In pages (*.md): relative links and their anchors, paths that begin with docs/, and names of source files.
 * - In code: names of pages and source files in comments, and paths that begin with docs/ anywhere, for people read those too.
 * - A page is pointed to by its path, from the root or from where the pointer stands, and a part of it by its heading's anchor, never by a
 *   number. A source file may be named by the end of its path. What is outside of the repository is pointed to by a URL.
 */
import { posix } from 'node:path';

const CODE = /\.(?:ts|mjs|cjs)$/;
const LINK = /\]\(\s*<?([^)\s>]+)>?[^)]*\)/g;
const PAGE_NAME = /[\w./-]*\w\.md(?:#[\w-]*)?/g;
const SOURCE_NAME = /(?<![*}>\w./-])[\w./-]*\w\.(?:ts|mjs|cjs)\b/g;
const URLS = /\b\w+:\/\/[^\s)>'"`]+/g;
const BY_NUMBER = /[\w./-]*\w\.md,? (?=\d)/g;
const DESIGN = /\bDESIGN \d/g;

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page) {
  const anchors = new Set();
  for (const line of withoutFences(page).split('\n')) {
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

const blank = (text) => text.replace(/[^\n]/g, ' ');
const withoutFences = (page) => page.replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^ *\2[^\n]*$/gm, blank);
const withoutInlineCode = (page) => page.replace(/(`+)[^\n]*?\1/g, blank);
/** By lines, which is enough for code that Biome has laid out: a comment opens its line or stands behind code and a blank. */
const commentsOf = (code) =>
  code
    .split('\n')
    .map((line) => (/^\s*(?:\/\/|\/\*|\*)/.test(line) ? line : (/(?<=\s)\/\/ .*$/.exec(line)?.[0] ?? '')))
    .join('\n');

/**
 * All dangling pointers of `files` (path from the root to text; the text matters only for pages and code), each as a line
 * `path:line: what dangles`, in the order of the files.
 */
export function danglingPointers(files) {
  const folders = new Set();
  for (const path of files.keys())
    for (let at = posix.dirname(path); at !== '.' && !folders.has(at); at = posix.dirname(at)) folders.add(at);
  const sources = [...files.keys()].filter((path) => CODE.test(path));
  const anchors = new Map();
  const problems = [];

  const hasAnchor = (path, anchor) => {
    if (!anchors.has(path)) anchors.set(path, anchorsOf(files.get(path)));
    return anchors.get(path).has(anchor);
  };
  /** What is wrong with pointing to `target`, seen from any of `bases`; undefined if nothing is. */
  const wrongWith = (target, bases) => {
    const [name, anchor] = target.split('#');
    const paths = bases.map((base) => posix.join(base, name).replace(/\/$/, ''));
    const path = paths.find((one) => files.has(one));
    if (path === undefined) return paths.some((one) => folders.has(one)) ? undefined : 'is not in the repository';
    if (anchor === undefined || !path.endsWith('.md') || hasAnchor(path, anchor)) return undefined;
    return `names no heading of ${path}`;
  };

  for (const [path, text] of files) {
    const here = posix.dirname(path);
    const page = path.endsWith('.md');
    if (!page && !CODE.test(path)) continue;
    const found = (pattern, where, wrong) => {
      for (const match of where.replace(URLS, blank).matchAll(pattern)) {
        const what = wrong(match[1] ?? match[0]);
        if (what === undefined) continue;
        const line = where.slice(0, match.index).split('\n').length;
        problems.push(`${path}:${line}: ${(match[1] ?? match[0]).trim()} ${what}`);
      }
    };
    const prose = page ? withoutFences(text) : commentsOf(text);
    const ofDocs = (target) => (/^docs\//.test(target) ? wrongWith(target, ['.', here]) : undefined);

    if (page) {
      found(LINK, withoutInlineCode(prose), (target) => {
        if (/^[\w+.-]+:/.test(target)) return undefined;
        return target.startsWith('#') ? wrongWith(posix.basename(path) + target, [here]) : wrongWith(target, [here]);
      });
      found(PAGE_NAME, prose.replace(LINK, blank), ofDocs);
    } else {
      const comments = prose.split('\n');
      const rest = text.split('\n').map((line, n) => (comments[n] ? '' : line));
      found(PAGE_NAME, prose, (target) => wrongWith(target, ['.', here]));
      found(PAGE_NAME, rest.join('\n'), ofDocs);
    }
    found(SOURCE_NAME, prose.replace(LINK, blank), (target) => {
      if (target.startsWith('dist/')) return undefined;
      const end = posix.normalize(target).replace(/^(?:\.\.?\/)+/, '');
      return sources.some((one) => one === end || one.endsWith(`/${end}`)) ? undefined : 'is not in the repository';
    });
    found(BY_NUMBER, prose, () => "is pointed to by a number: name the heading's anchor");
    found(DESIGN, text, () => "is not in the repository: point to docs/design.md and a heading's anchor");
  }
  return problems;
}
