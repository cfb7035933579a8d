/** Owns what the system tests begin with: a machine with the Debian package installed, an etcd, and a second host that runs selvage too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePackage, nativeArchitecture } from '../../packaging/package.mjs';
import type { Daemon } from '../helpers/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createLab, type Lab, type LabHost } from '../helpers/lab.ts';
import { ContinuousPing } from '../helpers/ping.ts';
import { Machine } from './machine.ts';

/** A whole machine takes its time, beside others above all. */
export const SLOW = { timeout: 120_000, interval: 300 };

export interface Installed {
  lab: Lab;
  machine: Machine;
  /** On another host, with the network up. */
  peer: LabHost;
  daemon: Daemon;
  /** Builds a package of this revision and puts it into the machine. */
  deliver(revision: number): Promise<string>;
  destroy(): Promise<void>;
}

/** `config`: the network's; vxlan if it isn't given. */
export async function install(config?: object): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), `selvage-system-${process.pid}-`));
  const lab = await createLab({ hosts: 2, config });
  const ends: (() => Promise<unknown> | unknown)[] = [
    () => rmSync(folder, { recursive: true, force: true }),
    () => lab.destroy(),
  ];
  const destroy = async (): Promise<void> => {
    for (const end of ends.reverse()) await end();
  };
  try {
    const [host, peer] = lab.hosts as [LabHost, LabHost];
    const machine = await Machine.boot(host.ns);
    ends.push(() => machine.destroy());
    await machine.must('systemctl', 'stop', 'docker.socket', 'docker.service');
    const daemon = peer.startDaemon();
    ends.push(() => daemon.stop());
    await eventually(() => peer.subnetEnv(), { what: 'the other host to have a subnet', timeout: 60_000 });
    const deliver = async (revision: number): Promise<string> => {
      const file = await makePackage({ architecture: nativeArchitecture!, withNode: false, out: folder, revision });
      const there = `/root/selvage-${revision}.deb`;
      await machine.copy(file, there);
      return there;
    };
    await machine.must('dpkg', '-i', await deliver(1));
    await configure(machine, lab, []);
    return { lab, machine, peer, daemon, deliver, destroy };
  } catch (error) {
    await destroy();
    throw error;
  }
}

/** /etc/default/selvage: where etcd is, and `more` lines. */
export const configure = (machine: Machine, lab: Lab, more: string[]): Promise<void> =>
  machine.write('/etc/default/selvage', [`SELVAGE_ETCD_ENDPOINTS=${lab.etcd.endpoint}`, ...more, ''].join('\n'));

/** The address of the machine's flannel device, which answers pings over the overlay. */
export async function overlayAddress(machine: Machine): Promise<string> {
  const subnet = /^FLANNEL_SUBNET=(\S+)\.1\/24$/m.exec((await machine.read('/run/flannel/subnet.env')) ?? '')?.[1];
  if (subnet === undefined) throw new Error('The machine has no subnet yet.');
  return `${subnet}.0`;
}

/** Waits for the unit to be active. */
export const active = (machine: Machine, unit = 'selvage'): Promise<boolean> =>
  eventually(async () => (await machine.show(unit, 'ActiveState')) === 'active', {
    what: `${unit} to be active`,
    ...SLOW,
  });

/** Pings from the other host, over the overlay, while `work` is done. Resolves with how many were not answered. */
export async function lostDuring({ machine, peer }: Installed, work: () => Promise<unknown>): Promise<number> {
  const to = await overlayAddress(machine);
  const from = peer.containerAddress.replace(/\.1$/, '.0');
  const ping = new ContinuousPing(peer.ns, to, from, 0.02);
  await eventually(() => ping.received > 5, { what: `pings to ${to} to be answered`, ...SLOW });
  await work();
  await sleep(500);
  return (await ping.stop()).lost;
}
