/**
 * The firewall's repair as a script, where Docker's and our rules are in iptables-legacy: run by a shell it leaves, to the byte, what
 * `selvage --once` leaves.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { feed } from '../../helpers/firewall-hosts.ts';
import type { LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { repair } from '../../helpers/scenario.ts';

const MASQ = '--ip-masq';
const SHAPES = {
  'a FORWARD that drops': ['iptables-legacy -P FORWARD DROP'],
  "Docker's own chain": [
    'iptables-legacy -P FORWARD DROP',
    'iptables-legacy -N DOCKER-USER',
    'iptables-legacy -A DOCKER-USER -j RETURN',
    'iptables-legacy -A FORWARD -j DOCKER-USER',
  ],
};
const jumps = (how: string): string =>
  `iptables-legacy -S | grep -e '-j SELVAGE-FWD' | sed 's/^-A/${how}/' | xargs -L1 iptables-legacy`;
const DAMAGES = {
  'our chain is emptied': 'iptables-legacy -F SELVAGE-FWD',
  'a rule of it is gone': 'iptables-legacy -D SELVAGE-FWD 1',
  'the jump to it is gone': jumps('-D'),
  'the jump stands twice': jumps('-A'),
  'all of ours is gone': `${jumps('-D')} && iptables-legacy -F SELVAGE-FWD && iptables-legacy -X SELVAGE-FWD`,
};

describe("the firewall's repair as a script for iptables-legacy", () => {
  let host: LabHost;
  labWith({ hosts: 1 }, (made) => {
    host = made.hosts[0]!;
  });

  const shell = async (text: string): Promise<void> => {
    const { code, stderr } = await host.ns.exec('sh', '-c', text);
    assert.equal(code, 0, `${text}: ${stderr}`);
  };
  /** Without comments (the time) and counters. */
  const saved = async (): Promise<string> => {
    const { stdout } = await host.ns.exec('iptables-legacy-save');
    return stdout.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '[0:0]');
  };
  const putBack = (state: string): Promise<void> => feed(host.ns, 'iptables-legacy-restore', [], state);

  for (const [shape, made] of Object.entries(SHAPES)) {
    describe(shape, () => {
      it('mends each damage, and leaves what --once leaves', async () => {
        await shell('iptables-legacy -F; iptables-legacy -X; iptables-legacy -P FORWARD ACCEPT');
        for (const line of made) await shell(line);
        await repair(host, [MASQ]);
        assert.match(await saved(), /SELVAGE-FWD/, 'our rules are in iptables-legacy');
        for (const [what, damage] of Object.entries(DAMAGES)) {
          await shell(damage);
          const damaged = await saved();
          await repair(host, [MASQ]);
          const byOnce = await saved();
          await putBack(damaged);
          const drift = await host.selvage(['drift', MASQ, '--format=commands']);
          assert.equal(drift.code, 2, `${what}: ${drift.stderr}`);
          const script = join(host.folder, 'repair.sh');
          writeFileSync(script, drift.stdout);
          await shell(`sh ${script}`);
          assert.equal(await saved(), byOnce, `${what}\n${drift.stdout}`);
          const after = await host.selvage(['drift', MASQ, '--format=table']);
          assert.equal(after.code, 0, `${what}\n${drift.stdout}\n${after.stdout}`);
        }
      });
    });
  }
});
