/**
 * Owns `npm start`: the main job, on this machine, in a minute: three hosts in network namespaces over a real etcd, selvage on each,
 * and then one thing after another broken on a running host. Nothing outside the namespaces is touched, and nothing stays behind.
 */

import type { Report } from '../reconciler/contracts/report.ts';
import type { Daemon } from '../test/helpers/daemon.ts';
import { EtcdWriter } from '../test/helpers/etcd-writer.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { createLab, type Lab, type LabHost, PREFIX } from '../test/helpers/lab.ts';
import { fakePeer } from '../test/helpers/leases.ts';
import { KernelMonitor } from '../test/helpers/monitor.ts';
import { BREAKS, type Scene } from './breaks.ts';
import { measure } from './measure.ts';

const HOSTS = 3;
const say = (text = '') => process.stdout.write(`${text}\n`);

/** A step with its time, on one line that begins at once. */
async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  process.stdout.write(`  … ${what}`.padEnd(74));
  const start = performance.now();
  const result = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(`${seconds.padStart(5)} s`);
  return result;
}

const pairs = (hosts: LabHost[]) =>
  hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to) => ({ from, to })));

async function everyoneAnswers(hosts: LabHost[]): Promise<void> {
  await Promise.all(
    pairs(hosts).map(({ from, to }) =>
      eventually(() => from.ping(to), { what: `${from.name} to ping ${to.name} across the overlay`, timeout: 20_000 }),
    ),
  );
}

/** "create route 10.5.34.0/24 via 10.5.34.0 dev flannel.1: missing (and 2 more)" */
function shortly(drift: Report['drift']): string {
  const [first] = drift;
  const more = drift.length > 1 ? ` (and ${drift.length - 1} more)` : '';
  return first ? `${first.op} ${first.kind} ${first.text}: ${first.reason}${more}` : '';
}

async function breakThings(lab: Lab, daemon: Daemon): Promise<void> {
  const [host, peer] = lab.hosts as [LabHost, LabHost];
  const vtep = peer.containerAddress.replace(/\d+$/, '0');
  const taken = await lab.leases();
  const newcomer = [...Array(256).keys()]
    .map((index) => fakePeer(index, '10.5.1.0'))
    .find(({ subnet }) => !taken.has(`${PREFIX}/subnets/${subnet.replace('/', '-')}`))!;
  const writer = await EtcdWriter.start(lab.underlay, lab.etcd.endpoint);
  const monitor = await KernelMonitor.start(host.ns);
  const scene: Scene = { host, subnet: `${vtep}/24`, vtep, prefix: PREFIX, writer, newcomer };
  say(`\nOn ${host.name}, while its selvage runs:\n`);
  say(`  ${'what happens'.padEnd(48)}${'repaired in'.padStart(12)}   what the drift report said`);
  for (const each of BREAKS) {
    process.stdout.write(`  ${each.what.padEnd(48)}`);
    const { ms, drift } = await measure(each, scene, daemon, monitor);
    say(`${ms.toFixed(1).padStart(9)} ms   ${shortly(drift)}`);
  }
}

async function demonstrate(): Promise<void> {
  say(
    `selvage keeps ${HOSTS} hosts as etcd says, in network namespaces of this machine; Ctrl-C ends it at any time.\n`,
  );
  const lab = await step(`a real etcd and ${HOSTS} hosts are being made`, () => createLab({ hosts: HOSTS }));
  const daemons: Daemon[] = [];
  try {
    await step('selvage starts on each and takes a lease', async () => {
      for (const host of lab.hosts) daemons.push(host.startDaemon());
      await Promise.all(lab.hosts.map((host) => host.attachContainerNet()));
    });
    await step(`every host pings every other across the overlay (${HOSTS * (HOSTS - 1)} ways)`, () =>
      everyoneAnswers(lab.hosts),
    );
    await breakThings(lab, daemons[0]!);
    say();
    await step('every host still pings every other', () => everyoneAnswers(lab.hosts));
    await step('selvage is stopped', () => Promise.all(daemons.map((daemon) => daemon.stop())));
  } catch (error) {
    for (const [index, daemon] of daemons.entries()) {
      process.stderr.write(`\nThe last lines of selvage on ${lab.hosts[index]?.name}:\n${daemon.log().slice(-1500)}`);
    }
    throw error;
  } finally {
    await lab.destroy();
  }
  say('\nThe namespaces, etcd and its data are gone again.');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => say('\n\nInterrupted: everything is being removed.'));
}
try {
  await demonstrate();
} catch (error) {
  process.stderr.write(`\nselvage: the demo failed: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
