/** Our bytes against an independent codec (oracle.ts), in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import {
  readLink,
  writeLinkChange,
  writeLinkDelete,
  writeLinkGet,
  writeTunnelCreate,
} from '../../../../../drivers/netlink/codec/link.ts';
import type { Link } from '../../../../../reconciler/kinds/index.ts';
import type { VxlanTunnel } from '../../../../../reconciler/tunnels/vxlan.ts';
import { bytesOf, ifla, ip, mac, macBytes, received, rt, wire, written } from '../oracle.ts';

const REQUEST = c.NLM_F_REQUEST;
const vxlanLink: Link & { tunnel: VxlanTunnel } = {
  kind: 'link',
  name: 'flannel.4096',
  type: 'vxlan',
  up: true,
  mac: '02:11:22:33:44:55',
  mtu: 1450,
  alias: 'selvage:/coreos.com/network',
  master: '',
  tunnel: { type: 'vxlan', vni: 4096, port: 4789, local: '192.0.2.1', parent: 'eth0', learning: true, gbp: true },
};

test('a vxlan device is created with what flannel gives it', () => {
  const [message] = written((w) => writeTunnelCreate(w, vxlanLink, 2));
  assert.equal(message!.type, c.RTM_NEWLINK);
  assert.equal(message!.flags, REQUEST | c.NLM_F_CREATE | c.NLM_F_EXCL);
  const { data, attrs } = rt.parseLinkMessage(message!.data);
  assert.equal(data.family, 0);
  assert.equal(data.index, 0);
  assert.deepEqual([data.flags, data.change], [{ up: true }, { up: true }]);
  assert.deepEqual(
    [attrs.ifname, attrs.mtu, attrs.txqlen, mac(attrs.address)],
    ['flannel.4096', 1450, 0, vxlanLink.mac],
  );
  const info = new Map<number, Buffer>();
  wire.parseAttributes(attrs.linkinfo!, (item) => info.set(item.type, item.data));
  assert.equal(wire.getString(info.get(1)!), 'vxlan');
  const vxlan = ifla.parseVxlan(info.get(2)!);
  assert.equal(ip(vxlan.local), '192.0.2.1');
  assert.equal(wire.getU16be(vxlan.port!), 4789);
  const { local: _local, port: _port, ...rest } = vxlan;
  assert.deepEqual(
    { ...rest },
    {
      id: 4096,
      link: 2,
      ttl: 0,
      tos: 0,
      learning: 1,
      proxy: 0,
      rsc: 0,
      l2miss: 0,
      l3miss: 0,
      udpZeroCsum6Tx: 0,
      udpZeroCsum6Rx: 0,
      gbp: true,
    },
  );
});

test('a device without port, MAC, MTU, local and parent leaves them to the kernel', () => {
  const bare = { ...vxlanLink, mac: '', mtu: 0, up: false };
  bare.tunnel = { type: 'vxlan', vni: 1, port: 0, local: '', parent: '', learning: false, gbp: false };
  const [message] = written((w) => writeTunnelCreate(w, bare, 0));
  const { data, attrs } = rt.parseLinkMessage(message!.data);
  assert.deepEqual([data.flags, data.change], [{}, {}]);
  assert.deepEqual([attrs.address, attrs.mtu], [undefined, undefined]);
  const info = new Map<number, Buffer>();
  wire.parseAttributes(attrs.linkinfo!, (item) => info.set(item.type, item.data));
  const vxlan = ifla.parseVxlan(info.get(2)!);
  assert.deepEqual([vxlan.port, vxlan.link, vxlan.local, vxlan.gbp], [undefined, undefined, undefined, undefined]);
});

test('a link is changed, asked for and deleted', () => {
  const tunnel = { type: 'vxlan', attributes: { local: '192.0.2.9' }, parentIndex: 0 } as const;
  const change = { up: false, mac: '02:00:00:00:00:01', mtu: 1400, alias: 'selvage:/x', tunnel };
  const [changed, named, numbered, deleted] = written((w) => {
    writeLinkChange(w, 7, change);
    writeLinkGet(w, 'flannel.1');
    writeLinkGet(w, 9);
    writeLinkDelete(w, 7);
  });
  const { data, attrs } = rt.parseLinkMessage(changed!.data);
  assert.deepEqual([changed!.type, changed!.flags, data.index], [c.RTM_NEWLINK, REQUEST, 7]);
  assert.deepEqual([data.flags, data.change], [{}, { up: true }]);
  assert.deepEqual([mac(attrs.address), attrs.mtu, attrs.ifalias], ['02:00:00:00:00:01', 1400, 'selvage:/x']);
  const info = new Map<number, Buffer>();
  wire.parseAttributes(attrs.linkinfo!, (item) => info.set(item.type, item.data));
  assert.deepEqual(Object.keys(ifla.parseVxlan(info.get(2)!)), ['local']);
  assert.equal(rt.parseLinkMessage(named!.data).attrs.ifname, 'flannel.1');
  assert.equal(rt.parseLinkMessage(numbered!.data).data.index, 9);
  assert.deepEqual([deleted!.type, rt.parseLinkMessage(deleted!.data).data.index], [c.RTM_DELLINK, 7]);
  assert.deepEqual(
    [changed, named, numbered, deleted].map((message) => message!.seq),
    [1, 2, 3, 4],
  );
});

test('a link is read', () => {
  const info = new wire.AttrStream();
  info.push(1, wire.putString('vxlan'));
  info.push(
    2,
    ifla.formatVxlan({
      id: 4096,
      link: 2,
      local: bytesOf('192.0.2.1'),
      port: wire.putU16be(4789),
      learning: 1,
      gbp: true,
    }),
  );
  const m = received(c.RTM_NEWLINK, (out) =>
    rt.formatLinkMessage(
      {
        kind: 'link',
        data: { index: 7, flags: { up: true, broadcast: true } },
        attrs: {
          ifname: 'flannel.4096',
          mtu: 1450,
          address: macBytes(vxlanLink.mac),
          ifalias: vxlanLink.alias,
          master: 3,
          linkinfo: Buffer.concat(info.bufs),
        },
      },
      out,
    ),
  );
  const record = readLink(m);
  assert.deepEqual([record.index, record.masterIndex, record.parentIndex], [7, 3, 2]);
  assert.deepEqual(record.link, { ...vxlanLink, tunnel: { ...vxlanLink.tunnel, parent: '' } });
});
