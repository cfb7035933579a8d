/** What waits for the cloud: an agent that moves into it, over a cloud in memory whose reads tests hold back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CloudChange, CloudDriver, CloudObserved, CloudRoute } from '../../../../reconciler/cloud/model.ts';
import { CloudCompanion } from '../../../../states/cloud/companion.ts';
import { World } from '../../../helpers/agent-world.ts';
import { addressOf, CONFIG, CONFIG_KEY } from '../../../helpers/store.ts';

class MemoryCloud implements CloudDriver {
  routes: CloudRoute[] = [];
  /** Reads show none of the routes. */
  isHidden = false;

  async look(): Promise<CloudObserved> {
    const self = { target: 'eni-1', name: 'eni-1', vpc: 'vpc-1', ranges: [], forwards: true };
    return { self, tables: ['rtb-1'], routes: this.isHidden ? [] : [...this.routes], problems: [] };
  }

  async apply(changes: readonly CloudChange[]) {
    for (const change of changes) {
      const route = change.op === 'delete' ? change.have : change.want;
      if (route.kind !== 'cloud-route') continue;
      this.routes = this.routes.filter(({ dst }) => dst !== route.dst);
      if (change.op !== 'delete') this.routes.push(route);
    }
    return changes.map((change) => ({ change, result: 'done' as const }));
  }
}

const IN_CLOUD = '{"Network":"10.5.0.0/16","Backend":{"Type":"aws-vpc"}}';
const PEER = 7;

function rig() {
  const cloud = new MemoryCloud();
  const world = new World({
    companions: ({ deps: { clock, random, log } }) => [
      new CloudCompanion({ clock, random, log, keepStale: false, resyncMs: 300_000, open: async () => cloud }, false),
    ],
  });
  return { cloud, world };
}

const ownValue = (world: World): string => [...world.ownLeases.values()].map(({ value }) => value)[0] ?? '';

describe('a move into the cloud', () => {
  it('waits, with the lease and with the ways to peers that are there already, until the cloud shows the route', async () => {
    const { cloud, world } = rig();
    await world.start();
    const key = world.putPeer(PEER);
    await world.settle();
    const ids = world.peerIds(PEER);
    assert.ok(ids.length > 0 && ids.every((id) => world.kernelIds.includes(id)), 'the peer is reached by the tunnel');

    cloud.isHidden = true;
    world.store.put(CONFIG_KEY, IN_CLOUD);
    await world.settle();
    world.store.put(key, `{"PublicIP":"${addressOf(256 + PEER)}","PublicIPv6":null}`);
    await world.advance(60_000);
    assert.match(ownValue(world), /"vxlan"/);
    assert.equal(world.report.converged, false);
    assert.ok(
      ids.every((id) => world.kernelIds.includes(id)),
      'it still is: packets by the cloud would be dropped',
    );

    cloud.isHidden = false;
    await world.advance(600_000);
    assert.equal(ownValue(world).includes('vxlan'), false);
    assert.ok(!world.kernelIds.some((id) => ids.includes(id)), 'the tunnel is given up');
    assert.equal(world.report.converged, true);
  });

  it('is undone in the cloud once the way out of it is over', async () => {
    const { cloud, world } = rig();
    world.store.put(CONFIG_KEY, IN_CLOUD);
    await world.start();
    await world.advance(1000);
    assert.equal(cloud.routes.length, 1);
    world.store.put(CONFIG_KEY, CONFIG);
    await world.advance(5000);
    assert.match(ownValue(world), /"vxlan"/);
    assert.equal(cloud.routes.length, 1, 'kept for who has not heard of it');
    await world.advance(60_000);
    assert.deepEqual(cloud.routes, []);
  });
});
