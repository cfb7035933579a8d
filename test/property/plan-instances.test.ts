/** Two instances on one host: whatever each wants and has wanted, neither touches what is the other's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Instance } from '../../reconciler/contracts/host.ts';
import { changesOf } from '../../reconciler/plan/plan.ts';
import { isTouchable, ownDeviceNames } from '../helpers/foreign.ts';
import { BASE, INSTANCE, OTHER, overlayFor, sortedText } from '../helpers/hosts.ts';
import { ModelDriver, populate } from '../helpers/model-driver.ts';
import { ModelKernel } from '../helpers/model-kernel.ts';
import { holds } from '../helpers/property.ts';
import { planOf, runRound } from '../helpers/run-round.ts';
import { type Overlay, wantsOf } from '../helpers/wants.ts';

const ONE: Instance = { ...INSTANCE, networks: INSTANCE.networks.slice(0, 1) };

test('neither of two instances touches what is the other’s', async (t) => {
  const rounds = fc.array(fc.oneof(overlayFor(ONE, [1, 2]), overlayFor(OTHER, [3, 4]), overlayFor(OTHER, [2, 3])), {
    minLength: 2,
    maxLength: 8,
  });
  await holds(
    t,
    rounds,
    async (overlays) => {
      const kernel = new ModelKernel();
      populate(kernel, BASE);
      const driver = new ModelDriver(kernel);
      const wanted = new Map<Instance, Overlay>();
      for (const overlay of overlays) {
        const { instance } = overlay;
        wanted.set(instance, overlay);
        const theirs = instance === ONE ? OTHER : ONE;
        const before = belongingTo(theirs, kernel, wanted.get(theirs));
        await runRound({ driver, instance, desired: wantsOf(overlay) });
        assert.deepEqual(belongingTo(theirs, kernel, wanted.get(theirs)), before);
      }
      // What one has given up (a VNI, a port) the other may take now, and then the first what that one gives up: events would wake them.
      for (let pass = 0; pass < 3; pass++)
        for (const [instance, overlay] of wanted) await runRound({ driver, instance, desired: wantsOf(overlay) });
      for (const [instance, overlay] of wanted)
        assert.deepEqual(changesOf(await planOf({ driver, instance, desired: wantsOf(overlay) })), []);
    },
    400,
  );
});

/** As text. */
function belongingTo(instance: Instance, kernel: ModelKernel, overlay: Overlay | undefined): string[] {
  const host = kernel.all();
  const names = overlay ? [`flannel.${overlay.vni}`] : [];
  const own = ownDeviceNames(host, instance, names);
  return sortedText(host.filter((have) => isTouchable(have, own, instance)));
}
