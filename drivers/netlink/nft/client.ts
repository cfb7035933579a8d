/**
 * Owns the conversation with nf_tables: dumps, and batches that are made as a whole or not at all.
 *
 * - Synchronous: nfnetlink, like rtnetlink, has answered when `send` returns. No `nft` and no `iptables` is started.
 * - A batch that names the generation it was thought out for is refused (ERESTART) if anything has changed since, and nothing is done.
 * - Nothing throws for what the kernel says; errors are positive errnos in the result.
 */
import { Client, type Dumped, type Reply } from '../client.ts';
import * as nl from '../codec/constants.ts';
import { Message } from '../codec/message.ts';
import type { Writer } from '../codec/writer.ts';
import { EAGAIN, EINTR, ENOBUFS } from '../errno.ts';
import type { Transport } from '../transport.ts';
import { be32 } from './attributes.ts';
import * as c from './constants.ts';
import {
  type ChainObject,
  elementAttributes,
  type Generation,
  type RuleObject,
  readChain,
  readElements,
  readGeneration,
  readRuleObject,
  ruleKey,
} from './objects.ts';

/** Linux's own, which never reaches a C program: the batch was thought out for an earlier generation. */
export const ERESTART = 85;

const RECEIVE_BYTES = 64 * 1024;
const NLMSG_HEADER = 16;
const NFGENMSG = 4;

/** One message of a batch. `body`: its attributes. */
export interface Order {
  type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK. */
  flags: number;
  family: number;
  body: Uint8Array;
}

export interface Verdict extends Reply {
  /** Index of the order that was refused; undefined if the batch as a whole was. */
  at: number | undefined;
}

export class NftClient {
  readonly #transport: Transport;
  readonly #client: Client;
  #message: Message | undefined;
  #seq = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#client = new Client(transport);
  }

  close(): void {
    this.#client.close();
  }

  /** The generation of the whole ruleset, of all families: any change makes a new one. */
  generation(): Reply & { value: Generation | undefined } {
    return this.#client.get(
      (w) => begin(w, c.NFT_MSG_GETGEN, 0, 0),
      (m) => (m.type === c.NFT_MSG_NEWGEN ? readGeneration(bodyOf(m)) : undefined),
    );
  }

  /** Chains of all tables of a family; 0: of every family. */
  chains(family: number): Dumped<ChainObject> {
    return this.#client.dump(
      (w) => begin(w, c.NFT_MSG_GETCHAIN, nl.NLM_F_DUMP, family),
      (m) => (m.type === c.NFT_MSG_NEWCHAIN ? readChain(familyOf(m), bodyOf(m)) : undefined),
    );
  }

  /** Rules of one chain, in order. */
  rules(family: number, table: string, chain: string): Dumped<RuleObject> {
    const listed = this.#client.dump(
      (w) => begin(w, c.NFT_MSG_GETRULE, nl.NLM_F_DUMP, family, ruleKey(table, chain)),
      (m) => (m.type === c.NFT_MSG_NEWRULE ? readRuleObject(familyOf(m), bodyOf(m)) : undefined),
    );
    // Kernels before 4.8 list all, whatever is asked for.
    const items = listed.items.filter((rule) => rule.table === table && rule.chain === chain);
    return { ...listed, items };
  }

  /** Keys of a set's elements, in hex. ENOENT if there is no such set. */
  elements(family: number, table: string, set: string): Dumped<string> {
    const lists = this.#client.dump(
      (w) => begin(w, c.NFT_MSG_GETSETELEM, nl.NLM_F_DUMP, family, elementAttributes(table, set, [])),
      (m) => (m.type === c.NFT_MSG_NEWSETELEM ? readElements(bodyOf(m)) : undefined),
    );
    return { ...lists, items: lists.items.flat() };
  }

  /** Makes all of `orders` or none; `generation`: that of what was read to think them out. */
  transact(orders: readonly Order[], generation?: number): Verdict {
    const first = this.#seq + 1;
    const parts: Buffer[] = [];
    const add = (type: number, flags: number, family: number, resource: number, body?: Uint8Array): void => {
      this.#seq = (this.#seq + 1) >>> 0;
      parts.push(message(type, flags | nl.NLM_F_REQUEST, this.#seq, family, resource, body));
    };
    const id = generation === undefined ? undefined : be32(c.NFNL_BATCH_GENID, generation);
    add(c.NFNL_MSG_BATCH_BEGIN, 0, 0, c.NFNL_SUBSYS_NFTABLES, id);
    for (const { type, flags, family, body } of orders) add(type, flags | nl.NLM_F_ACK, family, 0, body);
    add(c.NFNL_MSG_BATCH_END, 0, 0, c.NFNL_SUBSYS_NFTABLES);
    const bytes = Buffer.concat(parts);
    const sent = this.#send(bytes);
    if (sent < 0) return { errno: -sent, extack: '', at: undefined };
    return this.#answers(first, orders.length);
  }

  #send(bytes: Buffer): number {
    for (let attempt = 0; ; attempt++) {
      const sent = this.#transport.send(bytes, bytes.length);
      if (sent !== -EINTR || attempt > 4) return sent;
    }
  }

  /** Reads what there is: one answer an order, or one for the batch. The first refusal counts, the others follow from it. */
  #answers(first: number, count: number): Verdict {
    this.#message ??= new Message(RECEIVE_BYTES);
    const m = this.#message;
    let refused: Verdict | undefined;
    let heard = 0;
    for (let received = this.#transport.receive(m.u8); ; received = this.#transport.receive(m.u8)) {
      if (received === -EINTR) continue;
      if (received === -EAGAIN) break;
      if (received < 0) return { errno: -received, extack: '', at: undefined };
      m.rewind(received);
      while (m.next()) {
        const index = ((m.seq - first) | 0) - 1; // after BATCH_BEGIN
        if (m.type !== nl.NLMSG_ERROR || index < -1 || index > count) continue;
        heard++;
        const errno = -m.i32(m.body);
        if (errno === 0 || refused) continue;
        refused = { errno, extack: extackOf(m), at: index >= 0 && index < count ? index : undefined };
      }
    }
    if (refused) return refused;
    return { errno: heard >= count ? 0 : ENOBUFS, extack: '', at: undefined };
  }
}

function extackOf(m: Message): string {
  if (!(m.flags & nl.NLM_F_ACK_TLVS)) return '';
  const request = m.flags & nl.NLM_F_CAPPED ? NLMSG_HEADER : (m.u32(m.body + 4) + 3) & ~3;
  return m.extack(m.body + 4 + request);
}

function begin(w: Writer, type: number, flags: number, family: number, body?: Uint8Array): void {
  const at = w.begin(type, flags, NFGENMSG);
  w.u8[at] = family;
  if (body) {
    w.u8.set(body, w.length);
    w.length += body.length;
  }
  w.end();
}

function message(
  type: number,
  flags: number,
  seq: number,
  family: number,
  resource: number,
  body?: Uint8Array,
): Buffer {
  const length = NLMSG_HEADER + NFGENMSG + (body?.length ?? 0);
  const bytes = Buffer.alloc(length);
  const words = new Uint32Array([length, 0, seq, 0]);
  bytes.set(new Uint8Array(words.buffer), 0);
  bytes.set(new Uint8Array(new Uint16Array([type, flags]).buffer), 4);
  bytes[NLMSG_HEADER] = family;
  bytes.writeUInt16BE(resource, NLMSG_HEADER + 2);
  if (body) bytes.set(body, NLMSG_HEADER + NFGENMSG);
  return bytes;
}

const familyOf = (m: Message): number => m.byte(m.body);
/** Valid until the cursor moves on: what reads it copies. */
const bodyOf = (m: Message): Uint8Array => m.u8.subarray(m.body + NFGENMSG, m.end);
