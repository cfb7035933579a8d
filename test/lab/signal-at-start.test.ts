/** SIGTERM at any moment of a start: it ends at once, with nothing half done, no stack trace, and an exit code that says how. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { assertInSync, repair } from '../helpers/scenario.ts';

/** How long after the start, ms: closer together where the program begins to work. A busy machine is slower by more than one step. */
const MOMENTS = [0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 230, 260, 300, 400, 600, 900];

describe('SIGTERM in the first moments', () => {
  let lab: Lab;
  let host: LabHost;
  labWith({ hosts: 1 }, (made) => {
    lab = made;
    host = lab.hosts[0]!;
  });

  /** Temporary files of a write that did not come to its end. */
  const leftovers = (): string[] =>
    [host.folder, lab.folder].flatMap((folder) => readdirSync(folder).filter((name) => /\.selvage-\d+-/.test(name)));

  for (const [what, args] of [
    ['a daemon', []],
    ['--once', ['--once']],
  ] as const)
    it(`${what} ends at once, and the next run finds nothing half done`, async () => {
      for (const moment of MOMENTS) {
        await host.ip('link', 'del', 'flannel.1').catch(() => '');
        const child = host.startDaemon([...args]);
        await sleep(moment);
        const end = await child.stop();
        const text = `${what} after ${moment} ms: ${end}\n${child.log()}`;
        // It ends with 0 if it had begun, and has finished what was in hand; else it dies of the signal, as a program without a handler does.
        assert.ok(end === 'SIGTERM' || end === 0, text);
        assert.doesNotMatch(text, /^\s+at |Error|did not end/m);
        assert.deepEqual(leftovers(), [], text);
        if (/ starts\./.test(child.log())) assert.equal(end, 0, text);
      }
      await repair(host);
      await assertInSync(host);
    });

  it('a daemon that was told to end before it had begun has taken no lease, and left no lock and no socket', async () => {
    await lab.etcd.etcdctl('del', '--prefix', '/coreos.com/network/subnets/');
    const child = host.startDaemon();
    child.signal('SIGSTOP');
    child.signal('SIGTERM');
    child.signal('SIGCONT');
    const end = await child.stop();
    assert.ok(end === 'SIGTERM' || end === 0, `${end}\n${child.log()}`);
    assert.equal((await lab.leases()).size, 0);
    assert.deepEqual(
      readdirSync(host.folder).filter((name) => /\.(lock|sock)$/.test(name)),
      [],
    );
  });

  it('--once that waits for etcd ends of the signal at once, as a shell expects it', async () => {
    const silent = lab.underlay.spawn(process.execPath, [
      '-e',
      'require("net").createServer(() => {}).listen(2390, "192.168.64.1", () => console.log("listening"))',
    ]);
    try {
      await once(silent.stdout!, 'data');
      const child = host.startDaemon(['--once'], { env: { SELVAGE_ETCD_ENDPOINTS: 'http://192.168.64.1:2390' } });
      await sleep(2500);
      assert.equal(child.running, true, child.log());
      assert.equal(await child.stop(), 'SIGTERM');
    } finally {
      silent.kill('SIGKILL');
    }
  });
});
