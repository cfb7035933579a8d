/**
 * Owns the ears for the firewall: nf_tables tells of every change, with the process that made it; iptables-legacy tells nobody.
 *
 * - A generation that we made ourselves is dropped, by the process id that the kernel puts into it.
 * - What can't concern us (kube-proxy's own chains, another tool's table that forwards nothing) wakes nobody.
 * - iptables-legacy is looked at every few seconds (`--iptables-resync`), where its tables are in force; so is the generation, in case an
 *   event was lost.
 */
import koffi, { type node } from 'koffi';
import type { Culprit } from '../../reconciler/contracts/report.ts';
import { fingerprint } from '../iptables-legacy/state.ts';
import { Message } from '../netlink/codec/message.ts';
import { EAGAIN } from '../netlink/errno.ts';
import { guarded } from '../netlink/guarded.ts';
import { Attributes } from '../netlink/nft/attributes.ts';
import type { NftClient } from '../netlink/nft/client.ts';
import * as c from '../netlink/nft/constants.ts';
import { readGeneration } from '../netlink/nft/objects.ts';
import type { NetlinkSocket } from '../netlink/socket.ts';

const RECEIVE_BYTES = 64 * 1024;
const DRAIN_LIMIT = 4096;
const REOPEN_DELAY_MS = 1000;
const NFGENMSG = 4;

export interface FirewallMonitorOptions {
  socket: NetlinkSocket;
  client: NftClient;
  netns: string | undefined;
  /** How often it looks, in ms: `--iptables-resync`. */
  resyncMs: number;
  /** `by` where the kernel has told who it was. */
  emit: (by: Culprit | undefined) => void;
}

export class FirewallMonitor {
  readonly #options: FirewallMonitorOptions;
  readonly #message = new Message(RECEIVE_BYTES);
  #handle: node.PollHandle | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #legacy = '';
  #generation = 0;
  #ownPid = 0;
  /** Something that concerns us was among what the next NEWGEN ends. */
  #touched = false;
  #stopped = false;

  constructor(options: FirewallMonitorOptions) {
    this.#options = options;
  }

  /** Listens from when this returns. Without nf_tables only the timer does. */
  start(): void {
    this.#listen();
    this.#legacy = fingerprint(this.#options.netns);
    this.#timer = setInterval(() => guarded(() => this.#level()), this.#options.resyncMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#close();
  }

  /** What we have just written to iptables-legacy is not news. */
  wroteLegacy(): void {
    this.#legacy = fingerprint(this.#options.netns);
  }

  #listen(): void {
    const { socket, client } = this.#options;
    try {
      socket.reopen();
    } catch {
      return; // no nfnetlink: see.ts says so
    }
    const { value } = client.generation();
    // The answer names who asks: that is us, as the kernel sees us.
    this.#ownPid = value?.pid ?? process.pid;
    this.#generation = value?.id ?? 0;
    const onReady = (status: unknown) => guarded(() => this.#ready(status));
    this.#handle = koffi.node.poll(socket.fd, { readable: true }, onReady);
  }

  #close(): void {
    this.#handle?.close(); // before its file descriptor
    this.#handle = undefined;
    this.#options.socket.close();
  }

  #ready(status: unknown): void {
    if (this.#stopped) return;
    if (status === 0) this.#drain();
    else this.#recover();
  }

  #drain(): void {
    const m = this.#message;
    let by: Culprit | undefined;
    let news = false;
    for (let count = 0; count < DRAIN_LIMIT; count++) {
      const received = this.#options.socket.receive(m.u8);
      if (received === -EAGAIN) break;
      if (received < 0) return this.#recover();
      m.rewind(received);
      while (m.next()) {
        if (m.type !== c.NFT_MSG_NEWGEN) {
          this.#touched ||= isOfInterest(m);
          continue;
        }
        const generation = readGeneration(m.u8.subarray(m.body + NFGENMSG, m.end));
        this.#generation = generation.id;
        if (this.#touched && generation.pid !== this.#ownPid) {
          news = true;
          by = { name: generation.name, pid: generation.pid };
        }
        this.#touched = false;
      }
      if (m.malformed) news = true;
    }
    if (news) this.#options.emit(by);
  }

  /** Events are lost: listen anew first, then have it looked at. */
  #recover(): void {
    this.#close();
    this.#touched = false;
    this.#listen();
    if (!this.#handle) this.#retry = setTimeout(() => guarded(() => this.#recover()), REOPEN_DELAY_MS);
    this.#options.emit(undefined);
  }

  #level(): void {
    if (this.#stopped) return;
    const legacy = fingerprint(this.#options.netns);
    const { value } = this.#options.client.generation();
    const missed = this.#handle !== undefined && value !== undefined && value.id !== this.#generation;
    if (missed) this.#drain(); // most likely it is queued
    const stillMissed = missed && value.id !== this.#generation;
    if (stillMissed) this.#generation = value.id;
    if (legacy === this.#legacy && !stillMissed) return;
    this.#legacy = legacy;
    this.#options.emit(undefined);
  }
}

/** Tables by whose changes our part may be affected; of any other table only that it begins or ceases to forward packets. */
function isOfInterest(m: Message): boolean {
  const a = new Attributes(m.u8.subarray(m.body + NFGENMSG, m.end));
  // A table's own name, or the table of a chain, rule or set: all are attribute 1.
  const table = a.text(1);
  if (WATCHED.test(table)) return true;
  const isChain = m.type === c.NFT_MSG_NEWCHAIN || m.type === c.NFT_MSG_DELCHAIN;
  if (table !== 'nat') return isChain && a.has(c.NFTA_CHAIN_HOOK);
  const chain = isChain ? a.text(c.NFTA_CHAIN_NAME) : a.text(c.NFTA_RULE_CHAIN);
  return chain === 'POSTROUTING' || chain.startsWith('FLANNEL');
}

const WATCHED = /^(filter|raw|docker-bridges|flannel-ipv[46]|selvage(-[0-9a-f]{6})?)$/;
