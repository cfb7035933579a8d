/**
 * The firewall's repair as a script, where Docker's and our rules are in iptables-legacy: run by a shell it leaves, to the byte, what
 * `selvage --once` leaves.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { feed } from '../../helpers/firewall-hosts.ts';
import type { LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { repair } from '../../helpers/scenario.ts';
import { repairByShell, shell } from '../../helpers/shell.ts';

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

  /** Without comments (the time) and counters. */
  const saved = async (): Promise<string> => {
    const { stdout } = await host.ns.exec('iptables-legacy-save');
    return stdout.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '[0:0]');
  };
  const putBack = (state: string): Promise<void> => feed(host.ns, 'iptables-legacy-restore', [], state);

  for (const [shape, made] of Object.entries(SHAPES)) {
    describe(shape, () => {
      it('mends each damage, and leaves what --once leaves', async () => {
        await shell(host, 'iptables-legacy -F; iptables-legacy -X; iptables-legacy -P FORWARD ACCEPT');
        for (const line of made) await shell(host, line);
        await repair(host, [MASQ]);
        assert.match(await saved(), /SELVAGE-FWD/, 'our rules are in iptables-legacy');
        for (const [what, damage] of Object.entries(DAMAGES)) {
          await shell(host, damage);
          const damaged = await saved();
          await repair(host, [MASQ]);
          const byOnce = await saved();
          await putBack(damaged);
          const script = await repairByShell(host, [MASQ]);
          assert.equal(await saved(), byOnce, `${what}\n${script}`);
        }
      });
    });
  }
});
