/**
 * Hosts that start together, each with the whole agent but a kernel, on a real etcd and a network with no subnet to spare: whatever
 * becomes of single requests, every host ends with a subnet of its own.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEtcdV3 } from '../../../drivers/etcd/source.ts';
import { type Source, StoreError } from '../../../reconciler/contracts/source.ts';
import { type Etcd, startEtcd } from '../../helpers/etcd.ts';
import { HostWithoutKernel, withCreated, withRaces } from '../../helpers/host-without-kernel.ts';
import { CONFIG_KEY, PREFIX } from '../../helpers/store.ts';

const HOSTS = 40;
const CONFIG = JSON.stringify({
  Network: '10.5.0.0/16',
  SubnetMin: '10.5.10.0',
  SubnetMax: `10.5.${9 + HOSTS}.0`,
  Backend: { Type: 'vxlan' },
});

/** Until each has a subnet, knows of all the others, and nothing else is in the store. */
async function untilAllHave(etcd: Etcd, hosts: readonly HostWithoutKernel[]): Promise<string[]> {
  for (;;) {
    const listed = await etcd.etcdctl('get', '--prefix', `${PREFIX}/subnets/`, '--keys-only');
    const keys = listed.trim().split(/\n+/).sort();
    if (hosts.every(({ subnet, leases }) => subnet && leases === HOSTS) && keys.length === HOSTS) return keys;
    await sleep(100);
  }
}

async function startAll(sourceOf: (etcd: Etcd, index: number) => Source): Promise<void> {
  const etcd = await startEtcd();
  const hosts: HostWithoutKernel[] = [];
  try {
    await etcd.etcdctl('put', CONFIG_KEY, CONFIG);
    for (let i = 0; i < HOSTS; i++) hosts.push(new HostWithoutKernel({ number: i + 2, source: sourceOf(etcd, i) }));
    for (const host of hosts) host.start();
    const keys = await untilAllHave(etcd, hosts);
    const own = hosts.map(({ subnet = '' }) => `${PREFIX}/subnets/${subnet.replace('/', '-')}`);
    assert.deepEqual(own.sort(), keys);
    assert.equal(new Set(own).size, HOSTS);
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
    await etcd.destroy();
  }
}

const open = (etcd: Etcd): Source => openEtcdV3({ endpoints: [etcd.endpoint], prefix: PREFIX });

/** Its first `times` leases are written, but nobody hears so. */
function withLostAnswers(source: Source, times: number): Source {
  let left = times;
  return withCreated(source, () => {
    if (left-- > 0) throw new StoreError('unavailable', 'The answer was lost.');
  });
}

describe('a mass start on exactly as many subnets as hosts', () => {
  it('gives each its own, though they get in each other’s way', { timeout: 300_000 }, async () => {
    let lost = 0;
    await startAll((etcd) => withRaces(open(etcd), () => lost++));
    assert.ok(lost > 0, 'somebody lost a race: else this shows nothing');
  });

  it('gives each its own, though every fourth never hears that its first was written', {
    timeout: 300_000,
  }, async () => {
    await startAll((etcd, i) => withLostAnswers(open(etcd), i % 4 === 0 ? 1 : 0));
  });
});
