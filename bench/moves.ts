/**
 * Owns what a move of the network costs: packets lost while two hosts follow a change of the config at different moments, and the time from
 * the put of a config until a host with many peers has followed it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdWriter } from '../test/helpers/etcd-writer.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { createLab, PREFIX } from '../test/helpers/lab.ts';
import { fakePeer, leaseKey, putMany } from '../test/helpers/leases.ts';
import { allMoved, Mesh } from '../test/helpers/mesh.ts';
import { BIG_NETWORK } from './cold.ts';
import type { Figure } from './figures.ts';
import { median } from './statistics.ts';

const NETWORK = '10.5.0.0/16';

interface Move {
  what: string;
  to: object;
  /** What all leases say in the end. */
  lease: RegExp;
}

const MOVES: Move[] = [
  { what: 'VNI 1 → 5', to: { Type: 'vxlan', VNI: 5 }, lease: /"VNI":5,/ },
  { what: 'vxlan → host-gw', to: { Type: 'host-gw' }, lease: /"host-gw"/ },
];

/** Two hosts ping each other every 10 ms; the second follows `apart` ms after the first. */
export async function packetsLost(apart: number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const lab = await createLab({ config: { Network: NETWORK, Backend: { Type: 'vxlan' } } });
  const daemons = lab.hosts.map((host) => host.startDaemon(['--migration-grace=30s']));
  try {
    await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    await allMoved(lab, /"VNI":1,/);
    for (const { what, to, lease } of MOVES) {
      let lost = 0;
      for (const ms of apart) {
        const mesh = await Mesh.start(lab.hosts);
        daemons[1]!.signal('SIGSTOP');
        await lab.putConfig({ Network: NETWORK, Backend: to });
        await sleep(ms);
        daemons[1]!.signal('SIGCONT');
        await allMoved(lab, lease);
        await mesh.answered(100);
        for (const count of (await mesh.stop()).values()) lost += count;
        await lab.putConfig({ Network: NETWORK, Backend: { Type: 'vxlan' } });
        await allMoved(lab, /"VNI":1,/);
      }
      figures.push({
        what: `packets lost, ${what}, followed ${apart.map((ms) => ms / 1000).join(', ')} s apart`,
        value: lost,
        unit: '',
        limit: 0,
        how: 'both ways, pinging every 10 ms',
      });
    }
    return figures;
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await lab.destroy();
  }
}

/**
 * Alternates between two VNIs on a host whose `peers` peers follow at once (their leases name no VNI, as flannel v0.11 writes them): from the
 * put to the lease that says so and the last route on the new device.
 */
export async function timeToFollow(peers: number, times: number): Promise<Figure[]> {
  const lab = await createLab({ hosts: 1, config: BIG_NETWORK });
  const host = lab.hosts[0]!;
  const entries = Array.from({ length: peers }, (_, index): [string, string] => {
    const { subnet, publicIP, mac } = fakePeer(index);
    const value = `{"PublicIP":"${publicIP}","BackendType":"vxlan","BackendData":{"VtepMAC":"${mac}"}}`;
    return [leaseKey(PREFIX, subnet), value];
  });
  await putMany(lab.underlay, lab.etcd.endpoint, entries);
  const daemon = host.startDaemon(['--migration-grace=1s']);
  const writer = await EtcdWriter.start(lab.underlay, lab.etcd.endpoint);
  const isOn = async (vni: number): Promise<boolean> => {
    const routes = (await host.ns.exec('ip', 'route', 'show', 'dev', `flannel.${vni}`)).stdout.split('\n').length - 1;
    return routes === peers && [...(await lab.leases()).values()].some((value) => value.includes(`{"VNI":${vni},`));
  };
  try {
    await eventually(() => isOn(1), { what: `${peers} routes`, timeout: 60_000 });
    const values: number[] = [];
    for (let round = 0; round < times; round++) {
      const vni = round % 2 ? 1 : 5;
      await sleep(3000); // the device before last has gone
      const config = { ...BIG_NETWORK, Backend: { Type: 'vxlan', VNI: vni } };
      const { sentAt } = await writer.put(`${PREFIX}/config`, JSON.stringify(config));
      await eventually(() => isOn(vni), { what: `all to be on VNI ${vni}`, timeout: 60_000, interval: 5 });
      values.push(performance.timeOrigin + performance.now() - sentAt);
    }
    return [
      {
        what: `config put → converged, VNI changed, ${peers.toLocaleString('en')} peers`,
        value: median(values),
        unit: 'ms',
        how: `median of ${times}; some 20 ms of it is looking`,
      },
    ];
  } finally {
    await writer.stop();
    await daemon.kill();
    await lab.destroy();
  }
}
