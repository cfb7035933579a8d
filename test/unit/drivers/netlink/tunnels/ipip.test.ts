/**
 * The bytes of an ipip device against those of iproute2 6.1, which `ip link add flannel.ipip txqueuelen 0 mtu 1480 type ipip local 192.0.2.1
 * ttl 0 nopmtudisc` sent (strace -e write=all). No kernel with the module was at hand, so no dump of such a device is among them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import { readLink, writeTunnelCreate } from '../../../../../drivers/netlink/codec/link.ts';
import { Message } from '../../../../../drivers/netlink/codec/message.ts';
import { Writer } from '../../../../../drivers/netlink/codec/writer.ts';
import type { Link } from '../../../../../reconciler/kinds/index.ts';
import type { IpipTunnel } from '../../../../../reconciler/tunnels/ipip.ts';
import { rt, wire, written } from '../oracle.ts';

const IPROUTE2 = `
  ac000000 10000506 a54b0a6b 00000000 00000000 00000000 00000000 00000000
  08000d00 00000000 08000400 c8050000 11000300 666c616e 6e656c2e 69706970
  00000000 68001200 08000100 69706970 5c000200 05000900 00000000 08000200
  c0000201 05000a00 00000000 05000500 00000000 05000400 00000000 08000100
  00000000 08001400 00000000 06000f00 00000000 06001000 00000000 06001100
  00000000 06001200 00000000`;
const bytes = Buffer.from(IPROUTE2.replace(/\s/g, ''), 'hex');

const device: Link & { tunnel: IpipTunnel } = {
  kind: 'link',
  name: 'flannel.ipip',
  type: 'ipip',
  up: false,
  mac: '',
  mtu: 1480,
  alias: '',
  master: '',
  tunnel: { type: 'ipip', local: '192.0.2.1', remote: '' },
};

function under(message: Buffer): Message {
  const m = new Message(4096);
  m.u8.set(message);
  m.rewind(message.length);
  assert.ok(m.next());
  return m;
}

/** The attributes of the device, and those that are the tunnel's. */
function attributesOf(data: Buffer): {
  link: ReturnType<typeof rt.parseLinkMessage>['attrs'];
  tunnel: Map<number, string>;
} {
  const link = rt.parseLinkMessage(data).attrs;
  const info = new Map<number, Buffer>();
  wire.parseAttributes(link.linkinfo!, (item) => info.set(item.type, item.data));
  // iproute2 leaves the zero at the end out.
  assert.equal(info.get(1)!.toString().replace('\0', ''), 'ipip');
  const tunnel = new Map<number, string>();
  wire.parseAttributes(info.get(2)!, (item) => tunnel.set(item.type, item.data.toString('hex')));
  return { link, tunnel };
}

test("iproute2's device is read as what it is", () => {
  assert.deepEqual(readLink(under(bytes)).link, device);
});

test('a device is created with what flannel gives it, each attribute as iproute2 writes it', () => {
  const [message] = written((w) => writeTunnelCreate(w, device, 0));
  assert.equal(message!.type, c.RTM_NEWLINK);
  assert.equal(message!.flags, c.NLM_F_REQUEST | c.NLM_F_CREATE | c.NLM_F_EXCL);
  const [ours, theirs] = [attributesOf(message!.data), attributesOf(wire.parseMessages(bytes)[0]!.data)];
  assert.deepEqual([ours.link.ifname, ours.link.mtu, ours.link.txqlen], ['flannel.ipip', 1480, 0]);
  assert.deepEqual(
    [...ours.tunnel.keys()].sort((a, b) => a - b),
    [2, 4, 10],
    'local, TTL, PMTUDISC',
  );
  for (const [type, value] of ours.tunnel) assert.equal(value, theirs.tunnel.get(type), `attribute ${type}`);
});

test('both ends are read, and any is nothing', () => {
  const tunnel: IpipTunnel = { type: 'ipip', local: '', remote: '192.0.2.7' };
  const w = new Writer(256);
  writeTunnelCreate(w, { ...device, tunnel }, 0);
  assert.deepEqual(readLink(under(Buffer.from(w.u8.subarray(0, w.length)))).link.tunnel, tunnel);
});
