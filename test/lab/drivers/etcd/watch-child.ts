/** A watcher to be run in a namespace: node watch-child.ts ENDPOINT PREFIX. Says each change and each end in a line, and goes on after an end. */
import { openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import { brief } from '../../contract/watching.ts';

const [endpoint = '', prefix = ''] = process.argv.slice(2);
// Ten times as impatient as in real life, to keep the test short.
const tuning = { keepaliveMs: 1000, keepaliveTimeoutMs: 500, deadlineMs: 1000 };
const source = openEtcdV3({ endpoints: [endpoint], prefix, tuning });
const say = (line: string) => process.stdout.write(`${line}\n`);

let next = (await source.snapshot()).revision + 1;
function open(): void {
  source.watch(next, (event) => {
    if (event.type === 'changes') {
      next = event.revision + 1;
      for (const line of brief(event.changes)) say(line);
    } else if (event.type === 'ended') {
      say(`ended ${event.reason}: ${event.message}`);
      setTimeout(open, 200);
    } else {
      say('started');
    }
  });
}
open();
