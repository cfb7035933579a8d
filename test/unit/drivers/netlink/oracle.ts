/** The `netlink` package's own codec, as an independent opinion on ours: messages between its objects and bytes. */
import * as ifla from 'netlink/dist/rt/ifla.js';
import * as rt from 'netlink/dist/rt/structs.js';
import * as wire from 'netlink/dist/structs.js';
import { Message } from '../../../../drivers/netlink/codec/message.ts';
import { Writer } from '../../../../drivers/netlink/codec/writer.ts';

export { ifla, rt, wire };

/** What we write, as complete messages. */
export function written(write: (w: Writer) => void): wire.NetlinkMessage[] {
  const writer = new Writer(256); // small: it has to grow
  write(writer);
  return wire.parseMessages(Buffer.from(writer.u8.subarray(0, writer.length)));
}

/** A message of the oracle's, under our cursor. */
export function received(type: number, payload: (out: wire.AttrStream) => void, flags = 0, port = 0): Message {
  const out = new wire.AttrStream();
  payload(out);
  const data = out.bufs;
  const bytes = Buffer.concat(wire.formatMessage({ type, flags, seq: 7, port, data }));
  const message = new Message(65536);
  message.u8.set(bytes);
  message.rewind(bytes.length);
  if (!message.next()) throw new Error('the oracle has written no message');
  return message;
}

export const bytesOf = (ip: string): Buffer => Buffer.from(ip.split('.').map(Number));
export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');
export const ip = (bytes: Buffer | undefined): string | undefined => bytes && [...bytes].join('.');
export const mac = (bytes: Buffer | undefined): string | undefined =>
  bytes && [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
export const u32 = (bytes: Buffer | undefined): number | undefined => bytes && wire.getU32(bytes);
