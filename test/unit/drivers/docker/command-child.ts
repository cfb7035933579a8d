/** Runs a command when this process can open no more files, and says in JSON what came of it: node command-child.ts NOTE-FILE. */
import { closeSync, openSync } from 'node:fs';
import { openDocker } from '../../../../drivers/docker/driver.ts';

const [noteFile = ''] = process.argv.slice(2);
const driver = openDocker({ host: 'unix:///nonexistent/s', restartCommand: 'true', noteFile, comesUpMs: 1 });
// Once, so that nothing is left that would be loaded late.
await driver.restart({ cause: 'first', at: 1, times: 1 });
const { runCommand } = await import('../../../../drivers/docker/command.ts');

const files: number[] = [];
try {
  for (;;) files.push(openSync('/dev/null', 'r'));
} catch {
  // now there are none left
}
const ended = await runCommand('true').done;
const restarted = await driver.restart({ cause: 'second', at: 2, times: 1 });
for (const file of files) closeSync(file);
process.stdout.write(JSON.stringify({ ended, restarted }));
