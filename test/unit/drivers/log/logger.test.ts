import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** What a process that ends right after its last line has written. `terminal`: it takes its stderr for one. */
function run(
  level: string,
  format: 'auto' | 'text' | 'json',
  asJournal = false,
  { terminal = false, NO_COLOR = '1' } = {},
): { stdout: string; stderr: string } {
  const code = `
    if (${terminal}) process.stderr.isTTY = true;
    const { fstatSync } = await import('node:fs');
    const { dev, ino } = fstatSync(2, { bigint: true });
    process.env.JOURNAL_STREAM = ${asJournal} ? dev + ':' + ino : '8:1';
    const { openLog } = await import('./drivers/log/logger.ts');
    const log = await openLog('${level}', '${format}');
    log.debug({ at: 1 }, 'a detail');
    log.info({ round: { drift: [] }, key: 'x' }, 'some news');
    log.warn({}, 'a warning');
    log.error({ error: 'E' }, 'an error');
    log.error({ cause: '\\u202e' + 'x'.repeat(1e6) }, '\\u001b[2J' + 'y'.repeat(1e6));
    process.exit(0);`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', code],
    { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR } },
  );
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}

describe('the log', () => {
  it('is one JSON object a line, on stderr alone, complete to the last line', () => {
    const { stdout, stderr } = run('debug', 'auto');
    assert.equal(stdout, '');
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [
        ['debug', 'a detail'],
        ['info', 'some news'],
        ['warn', 'a warning'],
        ['error', 'an error'],
        ['error', lines.at(-1)?.msg],
      ],
    );
    const { msg, cause } = lines.at(-1)!;
    assert.match(String(msg), /^\\x1b\[2Jy{1000,}… \(1,000,004 characters in all\)$/);
    assert.match(String(cause), /^\\u202ex{1000,}… \(1,000,001 characters in all\)$/);
    assert.ok(stderr.length < 6000);
    assert.deepEqual(lines[1]?.round, { drift: [] });
    for (const { time } of lines) assert.equal(new Date(String(time)).toISOString(), time);
    assert.ok(!('pid' in lines[0]!) && !('hostname' in lines[0]!));
  });

  it('leaves out what is below its level', () => {
    const { stderr } = run('warn', 'auto');
    assert.equal(stderr.trim().split('\n').length, 3);
  });

  it('is text for a person where asked for, without the details of a round', () => {
    const { stdout, stderr } = run('info', 'text');
    assert.equal(stdout, '');
    assert.match(stderr, /some news/);
    assert.match(stderr, /an error/);
    assert.doesNotMatch(stderr, /a detail|drift/);
  });

  it('has colours on a terminal, unless NO_COLOR says anything', () => {
    const colours = (NO_COLOR: string): boolean => {
      const { stderr } = run('info', 'auto', false, { terminal: true, NO_COLOR });
      assert.match(stderr, /some news/);
      return stderr.includes('\u001b[');
    };
    assert.deepEqual([colours(''), colours('1'), colours('0')], [true, false, false]);
  });

  it('has the priorities of the journal where it goes there, a line for each line of text', () => {
    const { stderr } = run('debug', 'auto', true);
    const [hostile, ...rest] = stderr.trimEnd().split('\n').reverse();
    assert.deepEqual(rest.reverse(), ['<7>a detail', '<6>some news', '<4>a warning', '<3>an error', '<3>E']);
    assert.match(hostile!, /^<3>\\x1b\[2Jy+… \(1,000,004 characters in all\)$/);
    assert.match(run('warn', 'text', true).stderr, /^<4>a warning\n<3>an error\n<3>E\n<3>/);
    assert.match(run('error', 'json', true).stderr, /^\{"level":"error"/);
  });
});
