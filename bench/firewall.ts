/**
 * Owns what the firewall is measured by: `iptables -F` → our rules back, pings lost between two containers meanwhile, what it adds to a cold
 * start, and what the looks at it cost at rest. The clock is the kernel's own announcement of the new generation.
 */
import { openFirewall } from '../drivers/firewall/driver.ts';
import { fingerprint } from '../drivers/iptables-legacy/state.ts';
import { Message } from '../drivers/netlink/codec/message.ts';
import { EAGAIN } from '../drivers/netlink/errno.ts';
import { NftClient } from '../drivers/netlink/nft/client.ts';
import * as c from '../drivers/netlink/nft/constants.ts';
import { readGeneration, tableAttributes } from '../drivers/netlink/nft/objects.ts';
import { NetlinkSocket } from '../drivers/netlink/socket.ts';
import { type Change, isMade } from '../reconciler/contracts/driver.ts';
import { scopeOf } from '../reconciler/contracts/scope.ts';
import { wantedParts } from '../reconciler/firewall/wanted.ts';
import { idOf } from '../reconciler/kinds/index.ts';
import { IPTABLES } from '../test/helpers/docker-rules.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { factsOf } from '../test/helpers/firewall-converge.ts';
import { feed } from '../test/helpers/firewall-hosts.ts';
import { createLab, type LabHost } from '../test/helpers/lab.ts';
import { attachContainer, type LabContainer } from '../test/helpers/lab-container.ts';
import { createNetns, type Netns } from '../test/helpers/netns.ts';
import { ContinuousPing } from '../test/helpers/ping.ts';
import type { Figure } from './figures.ts';
import { median, percentile } from './statistics.ts';

const DEADLINE_MS = 10_000;
/**
 * Who undoes a thing more than five times in ten seconds is not answered at once any more (reconciler/plan/contest.ts), and a sample undoes
 * our rules twice: by its flush, and by putting Docker's back.
 */
const PAUSE_MS = 4600;

const clientIn = (ns: Netns): NftClient =>
  new NftClient(new NetlinkSocket({ protocol: c.NETLINK_NETFILTER, netns: ns.path, receiveBuffer: 1 << 20 }));

/** Hears the generations of a namespace, with who made each. */
class Generations {
  readonly #socket: NetlinkSocket;
  readonly #message = new Message(64 * 1024);

  constructor(ns: Netns) {
    const groups = [c.NFNLGRP_NFTABLES];
    this.#socket = new NetlinkSocket({ protocol: c.NETLINK_NETFILTER, netns: ns.path, receiveBuffer: 1 << 20, groups });
    this.#socket.reopen();
  }

  /** When somebody other than `pid` next makes one, ms on performance.now(). Gives the rest of the process no turn: it is short. */
  next(pid: number): number {
    const m = this.#message;
    for (const end = performance.now() + DEADLINE_MS; performance.now() < end; ) {
      const received = this.#socket.receive(m.u8);
      if (received === -EAGAIN) continue;
      if (received < 0) throw new Error(`the events can't be heard (errno ${-received})`);
      const at = performance.now();
      m.rewind(received);
      while (m.next()) if (isOthers(m, pid)) return at;
    }
    throw new Error('nobody put the rules back');
  }

  close(): void {
    this.#socket.close();
  }
}

const isOthers = (m: Message, pid: number): boolean =>
  m.type === c.NFT_MSG_NEWGEN && readGeneration(m.u8.subarray(m.body + 4, m.end)).pid !== pid;

export async function firewallHealing(samples: number): Promise<Figure[]> {
  const lab = await createLab();
  const [host] = lab.hosts as [LabHost];
  const daemons = lab.hosts.map((each) => each.startDaemon(['--ip-masq']));
  const containers: LabContainer[] = [];
  try {
    for (const each of lab.hosts) containers.push(await attachContainer(each));
    const [own, other] = containers as [LabContainer, LabContainer];
    const docker = IPTABLES.docker20!.replaceAll('10.5.1.0/24', own.subnet);
    await feed(host.ns, 'iptables-nft-restore', ['--noflush'], docker);
    const ping = new ContinuousPing(other.ns, own.address, other.address);
    await eventually(() => ping.received > 20, { what: 'the containers to reach each other', timeout: 60_000 });
    const times = await healingTimes(host.ns, docker, samples);
    const { lost, transmitted } = await ping.stop();
    return [
      {
        what: 'iptables -F → our rules back, p50',
        value: percentile(times, 50),
        unit: 'ms',
        limit: 2,
        how: `p95 ${percentile(times, 95).toFixed(1)} ms, ${times.length} samples`,
      },
      {
        what: 'pings lost meanwhile, for each iptables -F',
        value: lost / samples,
        unit: '',
        limit: 2,
        how: `${lost} of ${transmitted}, one every 10 ms, ${samples} flushes under policy DROP`,
      },
    ];
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.kill()));
    await Promise.all(containers.map(({ ns }) => ns.destroy()));
    await lab.destroy();
  }
}

/** The flush is the same message that iptables-nft -F sends, without its process. */
async function healingTimes(ns: Netns, docker: string, samples: number): Promise<number[]> {
  const client = clientIn(ns);
  const times: number[] = [];
  try {
    for (let i = 0; i < samples; i++) {
      await feed(ns, 'iptables-nft-restore', ['--noflush'], docker);
      await eventually(
        () => client.rules(c.NFPROTO_IPV4, 'filter', 'DOCKER-USER').items.length === 2 && hasChain(client),
        { what: 'our jump in DOCKER-USER', timeout: 60_000 },
      );
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const generations = new Generations(ns);
      const begin = performance.now();
      const body = tableAttributes('filter');
      client.transact([{ type: c.NFT_MSG_DELRULE, flags: 0, family: c.NFPROTO_IPV4, body }]);
      times.push(generations.next(process.pid) - begin);
      generations.close();
    }
  } finally {
    client.close();
  }
  return times;
}

const hasChain = (client: NftClient): boolean => client.rules(c.NFPROTO_IPV4, 'filter', 'SELVAGE-FWD').items.length > 0;

/** In this process, on a host with Docker's rules: a look, the batch, and the look back, as a cold start makes them. */
export async function firewallCost(samples: number): Promise<Figure[]> {
  const ns = await createNetns('bench');
  try {
    await feed(ns, 'iptables-nft-restore', [], IPTABLES.docker20!);
    const client = clientIn(ns);
    const times: number[] = [];
    for (let i = 0; i <= samples; i++) {
      const driver = openFirewall({ netns: ns.path, resyncMs: 5000 });
      const begin = performance.now();
      const changes = wantedParts(factsOf(), driver.see()).map(
        (want): Change => ({ op: 'create', id: idOf(want), reason: 'missing', want }),
      );
      const interest = { networks: [], devices: [], uplink: '', files: [] };
      await driver.list(scopeOf({ kinds: ['firewall'] }), interest);
      const outcomes = await driver.apply(changes);
      await driver.list(scopeOf({ ids: changes.map(({ id }) => id) }), interest);
      times.push(performance.now() - begin);
      if (!outcomes.every(isMade)) throw new Error(outcomes[0]?.failure?.message ?? 'the rules were not made');
      await driver.close();
      client.transact([
        { type: c.NFT_MSG_DELTABLE, flags: 0, family: c.NFPROTO_IPV4, body: tableAttributes('selvage') },
      ]);
      await feed(ns, 'iptables-nft-restore', [], IPTABLES.docker20!);
    }
    const cold = times.slice(1); // the first opens the C library, which netlink has done by then
    await feed(ns, 'iptables-legacy-restore', [], IPTABLES.docker20!);
    const looks = Array.from({ length: 200 }, () => {
      const begin = performance.now();
      fingerprint(ns.path);
      client.generation();
      return performance.now() - begin;
    });
    client.close();
    return [
      {
        what: 'the firewall in a cold start',
        value: median(cold),
        unit: 'ms',
        limit: 3,
        how: `median of ${cold.length}: look, batch of 3 parts, and look back`,
      },
      {
        what: 'a look at rest, iptables-legacy in force',
        value: median(looks),
        unit: 'ms',
        limit: 1,
        how: 'median of 200; one every 5 s. Without iptables-legacy a file is read',
      },
    ];
  } finally {
    await ns.destroy();
  }
}
