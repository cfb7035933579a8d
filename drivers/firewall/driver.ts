/**
 * Owns the firewall driver: the parts of the firewall of one network namespace, in nf_tables and in iptables-legacy's tables.
 * The work is done by see.ts, apply.ts and monitor.ts.
 *
 * - Nothing is opened until it is used. Where nf_tables is absent or not permitted there is nothing of it to list, and see() says so.
 */
import type { Change, Driver, Listing, Outcome } from '../../reconciler/contracts/driver.ts';
import type { Culprit } from '../../reconciler/contracts/report.ts';
import { type Scope, scopeOf } from '../../reconciler/contracts/scope.ts';
import type { InputChain } from '../../reconciler/doctor/input.ts';
import { foundParts } from '../../reconciler/firewall/found.ts';
import { type FirewallPart, partKey } from '../../reconciler/firewall/part.ts';
import type { Ruleset } from '../../reconciler/firewall/ruleset.ts';
import type { TunnelPacket } from '../doctor/rule-meets.ts';
import { NftClient } from '../netlink/nft/client.ts';
import { NETLINK_NETFILTER, NFNLGRP_NFTABLES } from '../netlink/nft/constants.ts';
import { NetlinkSocket } from '../netlink/socket.ts';
import type { Transport } from '../netlink/transport.ts';
import { applyParts } from './apply.ts';
import { FirewallMonitor } from './monitor.ts';
import type { PartChange } from './part-change.ts';
import { type Memory, see } from './see.ts';

const REQUEST_BUFFER = 4 << 20;
const EVENT_BUFFER = 1 << 20;
const KEY_AT = 'firewall '.length;

export interface FirewallOptions {
  /** File of a network namespace ("/run/netns/NAME"); our own if absent. */
  netns?: string;
  /** How often what tells nothing of itself is looked at (`--iptables-resync`). */
  resyncMs: number;
  /** Put around the request socket, to inject faults in tests. */
  wrap?: (transport: Transport) => Transport;
}

export interface FirewallDriver extends Driver {
  /** What is in force on the host, as far as it matters. Synchronous; never throws. */
  see(): Ruleset;
  /** Who made the last change that was not ours, once; undefined where nobody is known. */
  takeCulprit(): Culprit | undefined;
  /** The chains by which packets come into this host, judged for one to that UDP port. */
  input(packet: TunnelPacket): Promise<InputChain[] | undefined>;
}

export function openFirewall({ netns, resyncMs, wrap = (transport) => transport }: FirewallOptions): FirewallDriver {
  const socket = new NetlinkSocket({ netns, protocol: NETLINK_NETFILTER, receiveBuffer: REQUEST_BUFFER });
  const client = new NftClient(wrap(socket));
  const monitors = new Set<FirewallMonitor>();
  const memory: Memory = {};
  let culprit: Culprit | undefined;

  return {
    kinds: ['firewall'],
    takeCulprit: () => {
      const last = culprit;
      culprit = undefined;
      return last;
    },
    // Only where ufw is.
    input: async (packet) => (await import('../doctor/input-chains.ts')).inputChains(packet, netns),
    see: () => see(client, netns, { elements: false, memory }).ruleset,
    list: async (scope, { networks }) => list(client, netns, memory, scope, networks),
    apply: async (changes) => {
      const outcomes = await applyParts({ client, netns }, changes.map(partChange));
      if (outcomes.some(({ change }) => (change.want ?? change.have).engine === 'legacy'))
        for (const monitor of monitors) monitor.wroteLegacy();
      return outcomes.map(({ result, failure }, i): Outcome => {
        const change = changes[i]!;
        return failure ? { change, result, failure } : { change, result };
      });
    },
    watch: async (emit) => {
      const events = new NetlinkSocket({
        netns,
        protocol: NETLINK_NETFILTER,
        receiveBuffer: EVENT_BUFFER,
        groups: [NFNLGRP_NFTABLES],
      });
      const changed = (by: Culprit | undefined): void => {
        culprit = by;
        emit(scopeOf({ kinds: ['firewall'], companions: ['firewall'] }));
      };
      const monitor = new FirewallMonitor({ socket: events, client, netns, resyncMs, emit: changed });
      monitor.start();
      monitors.add(monitor);
      return async () => {
        monitor.stop();
        monitors.delete(monitor);
      };
    },
    close: async () => {
      for (const monitor of monitors) monitor.stop();
      client.close();
    },
  };
}

function partChange(change: Change): PartChange {
  const want = change.op === 'delete' ? undefined : (change.want as FirewallPart);
  const have = change.op === 'create' ? undefined : (change.have as FirewallPart);
  return { op: change.op, want, have } as PartChange;
}

function list(
  client: NftClient,
  netns: string | undefined,
  memory: Memory,
  scope: Scope,
  networks: readonly string[],
): Listing {
  const whole = scope.all || scope.kinds.has('firewall');
  const keys = new Set([...scope.ids].flatMap((id) => (id.startsWith('firewall ') ? [id.slice(KEY_AT)] : [])));
  const elements = whole || [...keys].some((key) => key.includes(' @'));
  const { ruleset } = see(client, netns, { elements, memory });
  const parts = foundParts(ruleset, networks);
  const haves = whole ? parts : parts.filter((part) => keys.has(partKey(part)));
  const { problem } = ruleset;
  return problem === undefined ? { haves, complete: true } : { haves, complete: false, problem };
}
