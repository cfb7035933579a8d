/** What `drift --format commands` says of the firewall, run by a shell, leaves nothing for selvage to do. */
import { describe, it } from 'node:test';
import type { LabHost } from '../../helpers/lab.ts';
import { labWith } from '../../helpers/lab-with.ts';
import { repair } from '../../helpers/scenario.ts';
import { repairByShell, shell } from '../../helpers/shell.ts';

const MASQ = '--ip-masq';
/** A jump of ours is in FORWARD in the first, and in DOCKER-USER before its RETURN in the second. */
const SHAPES = {
  'a FORWARD that drops': 'iptables-nft -P FORWARD DROP',
  "Docker's own chain":
    'iptables-nft -N DOCKER-USER && iptables-nft -A DOCKER-USER -j RETURN && iptables-nft -A FORWARD -j DOCKER-USER',
};
const NO_JUMP = `iptables-nft -S | grep -e '-j SELVAGE-FWD' | sed 's/^-A/-D/' | xargs -L1 iptables-nft`;
const DAMAGES = [
  'nft flush table ip selvage',
  'nft delete table ip selvage',
  'iptables-nft -F SELVAGE-FWD',
  `${NO_JUMP} && iptables-nft -F SELVAGE-FWD && iptables-nft -X SELVAGE-FWD`,
];

describe("the firewall's repair as a script", () => {
  let host: LabHost;
  labWith({ hosts: 1 }, (made) => {
    host = made.hosts[0]!;
  });

  for (const [shape, make] of Object.entries(SHAPES)) {
    it(`mends each damage, with ${shape}`, async () => {
      await shell(host, make);
      await repair(host, [MASQ]);
      for (const damage of DAMAGES) {
        await shell(host, damage);
        await repairByShell(host, [MASQ]);
      }
    });
  }
});
