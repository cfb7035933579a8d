/** Owns what is done to a bed of hosts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startEtcd } from '../../test/helpers/etcd.ts';
import { Bed, type BedOptions, type BedResult } from './bed.ts';
import { tightConfig } from './bed-host.ts';
import { Crowd } from './crowd.ts';

/** Of --fleet's signs of life, two a host are in it, ms. */
const FLEET_MS = 66_000;

/** @throws Error if two hosts end with one subnet, or one without */
export async function playAll(options: BedOptions): Promise<BedResult> {
  const { protocol, hosts, restSeconds } = options;
  const etcd = await startEtcd({ extraArgs: protocol === 'flannel v2' ? ['--enable-v2'] : [] });
  const crowd = await Crowd.of(protocol, etcd.endpoint, hosts);
  try {
    const bed = new Bed(etcd, crowd, options);
    await bed.putConfig(tightConfig(hosts));
    const all = async (): Promise<void> => {
      await crowd.order('start');
      await crowd.untilSettled();
    };
    await bed.play('mass start', all);
    const started = [...(await crowd.states()).values()];
    const subnets = new Set(started.map(({ subnet }) => subnet));
    if (subnets.size !== hosts) throw new Error(`${hosts} hosts have ${subnets.size} subnets`);

    await bed.play('rest', () => sleep(restSeconds * 1000));
    await bed.play('renewal', () => crowd.order('renew'));
    const [one] = (await crowd.states()).keys();
    await bed.aside(() => crowd.order('stop', [one!]));
    await bed.play('one restarts', async () => {
      await crowd.order('start', [one!]);
      await crowd.untilSettled();
    });
    await bed.aside(() => crowd.order('stop'));
    await bed.play('all restart', all);
    if (protocol !== 'flannel v2') await bed.play('etcd back', () => bed.restartEtcd());
    if (protocol === 'selvage') {
      const direct = { Type: 'vxlan', DirectRouting: true };
      await bed.play('config', () => bed.putConfig(tightConfig(hosts, direct)));
      await bed.play('backend', () => bed.putConfig(tightConfig(hosts, { Type: 'host-gw' })));
      await bed.play('fleet word', () => crowd.order('fleet'));
      await bed.play('fleet beat', () => sleep(FLEET_MS));
    }
    return { protocol, hosts, scenes: bed.scenes, started };
  } finally {
    crowd.end();
    await etcd.destroy();
  }
}
