/** `ulimit -n` too low, from where Node itself comes up (20; Debian's has more to open) to where all is well: said as such with the cure, no hang, no stack trace. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, describe, it } from 'node:test';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';

const nodeStarts = (limit: number): boolean =>
  spawnSync('sh', ['-c', `ulimit -n ${limit} && exec "$0" packaging/need-node.cjs`, process.execPath]).status === 0;

function fewestForNode(): number {
  for (let limit = 15; limit < 64; limit++) if (nodeStarts(limit)) return limit;
  throw new Error('Node does not start with 64 files.');
}

const FEWEST = fewestForNode();
const LIMITS = [0, 1, 2, 3, 4, 6, 8, 10, 14, 20, 44].map((more) => FEWEST + more);
const OUT_OF_FILES = /EMFILE|too many open files/;
const STACK = /^\s+at /m;
const CURE = /all (\d+ )?files that selvage may (have )?open are in use: raise LimitNOFILE= in its unit, or ulimit -n/;
/** Cures of something else. */
const WRONG = /if it wants TLS|choose another --healthz|run selvage as a user|make its folder writable/;

describe('a limit of open files that is too low', () => {
  let lab: Lab;
  let host: LabHost;
  let daemon: Daemon | undefined;
  labWith({ hosts: 1 }, (made) => {
    lab = made;
    host = lab.hosts[0]!;
  });
  afterEach(async () => {
    await daemon?.kill();
    daemon = undefined;
  });
  const under = (limit: number) => ({ prepare: `ulimit -n ${limit}` });

  it('--once and leases do what they are to do, or say that it is too low', async () => {
    for (const limit of LIMITS)
      for (const command of [
        ['--once', '--format=json'],
        ['leases', '--format=json'],
      ]) {
        await lab.etcd.etcdctl('del', '--prefix', '/coreos.com/network/subnets/');
        const { code, stdout, stderr } = await host.selvage(command, under(limit));
        const text = `${command[0]} under ${limit}: exit ${code}\n${stdout}\n${stderr}`;
        assert.doesNotMatch(text, STACK);
        assert.doesNotMatch(text, WRONG);
        if (OUT_OF_FILES.test(text)) assert.match(text, CURE);
        else assert.equal(code, 0, text);
        assert.ok(code >= 0, text);
      }
  });

  it('a daemon says it, ends at once when it is told to, and goes on when it may', async () => {
    for (const limit of LIMITS) {
      daemon = host.startDaemon([], under(limit));
      const text = (): string => `daemon under ${limit}:\n${daemon!.log()}`;
      await eventually(() => !daemon!.running || /No more than \d+ files may be open/.test(daemon!.log()), {
        what: 'the daemon to say that it may open few files, or to end',
      });
      const isConverged = async (): Promise<boolean> => (await host.lastReport())?.converged === true;
      const settled = async (): Promise<boolean> =>
        !daemon!.running || OUT_OF_FILES.test(daemon!.log()) || (await isConverged());
      await eventually(settled, { what: 'the daemon to converge, or to say what it lacks' });
      assert.doesNotMatch(text(), STACK);
      assert.doesNotMatch(text(), WRONG);
      if (OUT_OF_FILES.test(text())) assert.match(text(), CURE);
      if (daemon.running) assert.equal(await daemon.stop(), 0, text());
      else assert.match(text(), CURE);
    }
    daemon = undefined;
  });
});
