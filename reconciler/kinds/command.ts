/**
 * Owns how a repair is written for people to run: as what the tools `ip`, `bridge`, `nft` and the shell are given.
 * Each kind says it of its own changes; report/commands.ts makes the script.
 */

/** Arguments, unquoted: whoever writes them down quotes. nft's are whole lines of its language, which take effect together. */
export type Command =
  | { tool: 'ip' | 'bridge'; args: string[] }
  | { tool: 'nft'; lines: string }
  | { tool: 'sh'; text: string };

/** A change of one kind: that of contracts/driver.ts. */
export type ChangeOf<R> =
  | { op: 'create'; want: R }
  | { op: 'update'; want: R; have: R; recreate: boolean }
  | { op: 'delete'; have: R };

export const ip = (...args: (string | number)[]): Command => ({ tool: 'ip', args: args.map(String) });
export const bridge = (...args: (string | number)[]): Command => ({ tool: 'bridge', args: args.map(String) });

/** For what is added, replaced in its slot or removed by one command. Adding is exclusive, so that nobody else's is overwritten. */
export function oneCommand<R>(
  change: ChangeOf<R>,
  command: (verb: 'add' | 'replace' | 'del', resource: R) => Command,
): Command[] {
  switch (change.op) {
    case 'create':
      return [command('add', change.want)];
    case 'delete':
      return [command('del', change.have)];
    case 'update':
      return change.recreate
        ? [command('del', change.have), command('add', change.want)]
        : [command('replace', change.want)];
  }
}

/** What no tool can do: the script says so, and goes on. */
export const onlySelvage = (what: string): Command => ({
  tool: 'sh',
  text: `echo 'Not done: ${what.replaceAll("'", '’')}; only selvage --once can.' >&2`,
});

/** A word for the shell. */
export const quoted = (word: string): string =>
  /^[\w.:/@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Text that a command gets on its standard input. */
export function fed(command: string, content: string): Command {
  if (!content.endsWith('\n')) return { tool: 'sh', text: `printf %s ${quoted(content)} | ${command}` };
  let end = 'END';
  while (content.split('\n').includes(end)) end += '_';
  return { tool: 'sh', text: `${command} <<'${end}'\n${content}${end}` };
}
