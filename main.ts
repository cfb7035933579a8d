/**
 * The entry: a switch over commands/, and the end, where what a command came to becomes the exit code (docs/design.md).
 */

import { answer, exitCodeOfEnd, sentenceOfEnd } from './commands/answer.ts';
import { checkConfig } from './commands/check-config.ts';
import { dockerOpts } from './commands/docker-opts.ts';
import { Interrupted } from './commands/interrupted.ts';
import { leases } from './commands/leases.ts';
import { leave } from './commands/leave.ts';
import { migrate } from './commands/migrate.ts';
import { drift, once } from './commands/once.ts';
import { run } from './commands/run.ts';
import { helpText } from './config/help.ts';
import { noteOpenFilesLimit } from './config/open-files.ts';
import { parseOptions, unreadWords } from './config/options.ts';
import { openFilesLimit } from './drivers/host/open-files.ts';
import { boundResolver, endUnlessResolved } from './drivers/host/resolver.ts';
import { EXIT } from './reconciler/report/exit-code.ts';
import { VERSION } from './version.ts';

// TLS to an IP address makes Node warn of itself (DEP0123): nothing that a user of ours could mend.
process.noDeprecation = true;
noteOpenFilesLimit(openFilesLimit());
boundResolver();

async function main(argv: string[]): Promise<number> {
  // Before parseOptions: its flags are mk-docker-opts.sh's, not ours.
  if (argv[0] === 'docker-opts') return dockerOpts(argv.slice(1));
  const options = parseOptions(argv, process.env);
  const unread = unreadWords(argv, process.env);
  if (unread !== undefined)
    process.stderr.write(
      `selvage: FLANNEL_OPTIONS is words of a command line and not read from the environment: ${unread}. Write $FLANNEL_OPTIONS behind selvage in its unit.\n`,
    );
  switch (options.command) {
    case 'help':
      return answer(helpText());
    case 'version':
      return answer(`selvage ${VERSION}\n`);
    case 'docker-opts':
      return dockerOpts(options.args);
    case 'check-config':
      return checkConfig(options.args[0] ?? '-', options);
    case 'leases':
      return leases(options);
    case 'doctor':
      return (await import('./commands/doctor.ts')).doctor(options);
    case 'leave':
      return leave(options);
    case 'fleet': {
      const { fleet } = await import('./commands/fleet.ts');
      return fleet(options);
    }
    case 'status': {
      const { status } = await import('./commands/status.ts');
      return status(options);
    }
    case 'migrate':
      return migrate(options);
    case 'drift':
      return drift(options);
    case 'run':
      return options.once ? once(options) : run(options);
  }
}

/** Ends when all is written, and not only when the last socket has given up: a connection that nobody answers takes the kernel two minutes. */
function end(code: number): void {
  const exit = () => setImmediate(() => void leaveNow(unwritten ? code || EXIT.failed : code));
  if (process.stdout.writableLength === 0) exit();
  else process.stdout.write('', exit);
}

async function leaveNow(code: number): Promise<void> {
  await endUnlessResolved(code);
  process.exit(code);
}

let unwritten = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Who reads only the beginning, as `selvage leases | head` does, has what he wanted.
  if (error.code === 'EPIPE' || unwritten) return;
  unwritten = true;
  process.stderr.write(`selvage: The answer could not be written to standard output (${error.message}).\n`);
});

main(process.argv.slice(2)).then(end, (error: unknown) => {
  if (error instanceof Interrupted) return error.dieOfIt();
  process.stderr.write(`selvage: ${sentenceOfEnd(error)}\n`);
  end(exitCodeOfEnd(error));
});
