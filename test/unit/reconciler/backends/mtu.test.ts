/** Every tunnel's MTU: what the external interface and the kernel can't carry is said with both figures, before it is tried. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backendFor } from '../../../../reconciler/backends/index.ts';
import { Desired } from '../../../../reconciler/desired/desired.ts';
import { contextOf } from '../../../helpers/desired.ts';

const contextWith = (type: string, mtu: number) =>
  contextOf({ config: `{"Network":"10.5.0.0/16","Backend":{"Type":"${type}"}}`, mtu });

const TUNNELS = [
  ['vxlan', 50],
  ['udp', 28],
  ['ipip', 20],
] as const;

describe("a tunnel's MTU", () => {
  for (const [type, overhead] of TUNNELS) {
    it(`${type}: the interface's less ${overhead}, and never more than the kernel gives a device`, () => {
      for (const [uplink, mtu] of [
        [1500, 1500 - overhead],
        [9000, 9000 - overhead],
        [68 + overhead, 68],
        [65_536, Math.min(65_536 - overhead, 65_507)],
      ] as const) {
        const context = contextWith(type, uplink);
        const backend = backendFor(context.config)!;
        assert.equal(backend.mtu(context), mtu);
        assert.equal(backend.impossible?.(context), undefined);
      }
    });

    it(`${type}: an interface that carries too little is said with both figures; nothing is made or taken away`, () => {
      const context = contextWith(type, 67 + overhead);
      const desired = new Desired(context);
      desired.setAll({ leases: new Map(), complete: true });
      assert.deepEqual([desired.wants.size, desired.complete], [0, false]);
      const [held] = desired.held;
      assert.deepEqual([held?.why, held?.unmet], ['MTU too small', true]);
      assert.match(held!.detail, new RegExp(`eth0 has an MTU of ${67 + overhead}, which leaves 67 bytes.*needs 68`));
    });
  }

  it('without a tunnel it is the interface’s, whatever that is', () => {
    const context = contextWith('host-gw', 80);
    assert.equal(backendFor(context.config)!.mtu(context), 80);
    assert.ok(new Desired(context).wants.size > 0);
  });
});
