/** What counts as a dangling pointer in comments and pages. Names of pages are put together here, so that this file has no such pointer itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

const { anchorsOf, danglingPointers } = (await import(
  new URL('../../../packaging/pointers.mjs', import.meta.url).href
)) as {
  anchorsOf(page: string): Set<string>;
  danglingPointers(files: ReadonlyMap<string, string>): string[];
};

const md = (name: string) => `${name}.${'md'}`;
const ts = (name: string) => `${name}.${'ts'}`;
const KERNEL = md('docs/kernel');

/** A small repository, with `text` as the file at `path`. */
function problems(path: string, text: string): string[] {
  const files = new Map([
    [KERNEL, '# The kernel\n\n## Silent losses\n'],
    [md('README'), '# Hello\n'],
    [ts('src/plan/order'), 'export {};\n'],
    ['LICENSE', ''],
  ]);
  return danglingPointers(files.set(path, text)).filter((problem) => problem.startsWith(`${path}:`));
}
const inCode = (text: string) => problems(ts('src/main'), text);
const inPage = (text: string) => problems(md('docs/page'), text);

describe('a comment', () => {
  it('may point to a page, to a heading of it, and to a source file by the end of its path', () => {
    const text = `/** As ${KERNEL} says (${KERNEL}#silent-losses); see ${ts('order')} and ${ts('plan/order')}. */\nconst x = 1; // ${ts('order')}\n`;
    assert.deepEqual(inCode(text), []);
  });

  for (const [what, text] of Object.entries({
    'a page that is not there': `// See ${md('docs/gone')}.`,
    'a page without its folder': `// See ${md('kernel')}.`,
    'a heading that is not there': `/** ${KERNEL}#loud-losses */`,
    'a part by its number': `/** ${KERNEL} 3.1 */`,
    'a source file that is not there': ` * Done by ${ts('disorder')}.`,
    'a source file behind code': `const x = 1; // as in ${ts('plan/disorder')}`,
    'a part of a file name only': `// Not ${ts('der')}.`,
    'a document by its number': `// ${'DESIGN'} 3`,
  }))
    it(`dangles with ${what}`, () => assert.equal(inCode(`import '${ts('./gone')}';\n${text}\n`).length, 1));

  it('says where it is and what dangles', () => {
    const name = md('docs/gone');
    assert.deepEqual(inCode(`\n\n// ${name}#x\n`), [`${ts('src/main')}:3: ${name}#x is not in the repository`]);
  });

  it('may name what is outside by a URL, what is built, and files by a pattern', () => {
    assert.deepEqual(inCode(`// https://example.org/${md('a')} dist/${ts('x')} plan-*.${ts('test')}`), []);
  });
});

describe('a sentence for people in code', () => {
  it('points to a page under docs/', () => {
    assert.equal(inCode(`say('see ${md('docs/gone')}');`).length, 1);
    assert.deepEqual(inCode(`say('see ${KERNEL}'); write('${md('notes')}');`), []);
  });
});

describe('a page', () => {
  it('links to pages, headings, files and folders, from where it is', () => {
    const links = [
      md('kernel'),
      `${md('kernel')}#silent-losses`,
      '../LICENSE',
      '../src/plan/',
      '#own',
      'https://x.org/#y',
    ];
    assert.deepEqual(inPage(`# Own\n\n${links.map((link) => `[x](${link})`).join(' ')}\n`), []);
  });

  for (const link of [md('gone'), `${md('kernel')}#loud`, '#other', md('../../out'), '../src/gone/'])
    it(`dangles with ${link}`, () => assert.equal(inPage(`# Own\n\n[x](${link})\n`).length, 1));

  it('names source files that are there', () => {
    assert.deepEqual(inPage(`\`${ts('plan/order')}\``), []);
    assert.equal(inPage(`\`${ts('plan/gone')}\``).length, 1);
  });

  it('may show anything in a block of code', () => {
    assert.deepEqual(inPage(`\`\`\`\n[x](${md('gone')}) ${ts('gone')}\n\`\`\`\n`), []);
  });
});

describe('anchors', () => {
  it("are GitHub's", () => {
    const page = `# A \`b\` & c's d_e\n## A link: [to](x)!\n## Twice\n## Twice\n\`\`\`\n# not one\n\`\`\`\n`;
    assert.deepEqual([...anchorsOf(page)], ['a-b--cs-d_e', 'a-link-to', 'twice', 'twice-1']);
  });
});
