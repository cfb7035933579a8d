import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Have, Link } from '../../../../reconciler/kinds/index.ts';
import { planTakeOff } from '../../../../reconciler/leave/take-off.ts';
import { contextFor, INSTANCE, observedOf, overlayWith } from '../../../helpers/planning.ts';

const SUBNET_ENV = 'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n';

function plan(haves: Have[], scopeComplete = true) {
  const { steps, held } = planTakeOff({ ...contextFor(haves), haves, scopeComplete, nexthopObjects: true });
  return { changes: steps.flatMap(({ changes }) => changes), held };
}
const deeds = (haves: Have[]) => plan(haves).changes.map(({ op, id }) => `${op} ${id}`);
const file = (content: string): Have => ({ kind: 'file', path: INSTANCE.subnetFile, content, mode: 0o644 });

describe('a host that leaves', () => {
  it('loses all of ours: the device with what is on it, what stands on nexthop objects, and subnet.env', () => {
    const ids = deeds([...observedOf(overlayWith(1)), file(SUBNET_ENV)]);
    for (const id of ['link flannel.1', `file ${INSTANCE.subnetFile}`, 'route 254|10.5.2.0/24|0|0'])
      assert.ok(ids.includes(`delete ${id}`), `${id} in ${ids}`);
    assert.ok(ids.every((id) => id.startsWith('delete ')));
  });

  it('keeps a device that somebody has put an address on: then it has not left', () => {
    const address: Have = { kind: 'address', dev: 'flannel.1', address: '172.31.0.1/24' };
    const { changes, held } = plan([...observedOf(overlayWith(0)), address]);
    assert.equal(
      changes.some(({ id }) => id === 'link flannel.1'),
      false,
    );
    assert.deepEqual(
      held.map(({ why, unmet }) => [why, unmet]),
      [['foreign address', true]],
    );
  });

  it('is told of a device that may be another network’s, which does not keep it', () => {
    const strange = { ...(observedOf(overlayWith(0)).find(({ kind }) => kind === 'link') as Link), alias: 'theirs' };
    const { changes, held } = plan([strange]);
    assert.deepEqual([changes, held.map(({ unmet }) => unmet)], [[], [false]]);
  });

  it('keeps Docker’s options where they were written into subnet.env', () => {
    const options = 'DOCKER_OPTS=" --bip=10.5.1.1/24 --ip-masq=true --mtu=1450"\n';
    const [change] = plan([file(`${SUBNET_ENV}${options}`)]).changes;
    assert.ok(change?.op === 'update' && change.want.kind === 'file' && change.want.content === options);
    assert.deepEqual(deeds([file(options)]), [], 'and then there is nothing left to do');
  });

  it('deletes nothing on the word of a listing that is not whole', () => {
    assert.deepEqual(plan(observedOf(overlayWith(1)), false).changes, []);
  });
});
