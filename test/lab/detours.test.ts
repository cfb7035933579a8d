/** Foreign routes and rules that come before ours are kept, and named; so is what else stands in the way of packets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { peerAt } from '../helpers/peers.ts';
import { assertInSync, converged, daemonOn, holds, repair } from '../helpers/scenario.ts';

const peers = Array.from({ length: 4 }, (_, index) => peerAt(index));

describe('what comes before our routes', () => {
  let lab: Lab;
  let host: LabHost;
  let own: string;
  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    await lab.putPeers(peers);
    const report = await repair(host);
    own = report.network.subnet;
    await host.ip('link', 'add', 'docker0', 'up', 'type', 'bridge');
    await host.ip('address', 'add', host.subnetEnv()!.FLANNEL_SUBNET!, 'dev', 'docker0');
    await assertInSync(host);
  });

  const first = peers[0]!.subnet;
  const inside = first.replace('.0/24', '.128/25');
  const cases: [what: string, put: string[], undo: string[], key: string, says: RegExp][] = [
    [
      'a longer route inside a peer’s subnet',
      [`route add ${inside} via 192.168.64.1`],
      [`route del ${inside}`],
      `route 254|${inside}|0|0: foreign route`,
      /via 192\.168\.64\.1/,
    ],
    [
      'a rule with a table that has 10.0.0.0/8',
      ['route add 10.0.0.0/8 via 192.168.64.1 table 100', 'rule add from all lookup 100 priority 500'],
      ['rule del priority 500', 'route flush table 100'],
      'route rule 500 100|10.0.0.0/8|0|0: foreign rule',
      /own subnet .*and 3 more.*because of the rule "500: from all lookup 100"/,
    ],
    [
      'a prohibit rule',
      [`rule add to ${first} priority 501 prohibit`],
      ['rule del priority 501'],
      'route rule 501: foreign rule',
      /go nowhere because of the rule "501: from all to .* prohibit"/,
    ],
    [
      'a rule for what comes by the bridge',
      ['route add default via 192.168.64.1 table 101', 'rule add iif docker0 lookup 101 priority 502'],
      ['rule del priority 502', 'route flush table 101'],
      'route rule 502 101|0.0.0.0/0|0|0: foreign rule',
      /iif docker0/,
    ],
  ];
  for (const [what, put, undo, key, says] of cases) {
    it(`${what}: kept, and named`, async () => {
      await host.ns.ipBatch(put);
      try {
        const before = await host.dump();
        for (const args of [['drift'], ['--once']]) {
          const { code, report } = await host.report(args);
          assert.ok(holds(report).includes(key), holds(report).join());
          assert.match(report.held.find((entry) => `${entry.kind} ${entry.key}: ${entry.why}` === key)!.detail, says);
          assert.equal(code, 1);
        }
        assert.equal(await host.dump(), before);
      } finally {
        await host.ns.ipBatch(undo);
      }
      await assertInSync(host);
    });
  }

  it('the own subnet routed away, with the bridge gone: named', async () => {
    await host.ns.ipBatch(['link set docker0 down', `route add ${own} via 192.168.64.1`]);
    try {
      const { code, report } = await host.report(['drift']);
      assert.equal(code, 1);
      assert.ok(holds(report).includes(`route 254|${own}|0|0: foreign route`), holds(report).join());
    } finally {
      await host.ns.ipBatch([`route del ${own}`, 'link set docker0 up']);
    }
    await assertInSync(host);
  });

  it('rules that concern others are not mentioned', async () => {
    const rules = ['rule add fwmark 0x5 lookup 102 priority 503', 'rule add from 192.168.64.2 lookup 103 priority 504'];
    const routes = ['route add default via 192.168.64.1 table 102', 'route add default via 192.168.64.1 table 103'];
    await host.ns.ipBatch([...routes, ...rules]);
    await assertInSync(host);
    await host.ns.ipBatch(['rule del priority 503', 'rule del priority 504']);
  });

  it('is seen by a daemon at once, and gone when it goes', async () => {
    const daemon = await daemonOn(host);
    try {
      await host.ip('route', 'add', inside, 'via', '192.168.64.1');
      const key = `route 254|${inside}|0|0: foreign route`;
      await eventually(async () => holds((await host.lastReport())!).includes(key), { what: key });
      await host.ip('route', 'del', inside);
      await converged(host, daemon);
    } finally {
      await daemon.kill();
    }
  });
});
