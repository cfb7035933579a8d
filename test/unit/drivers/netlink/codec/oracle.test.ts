/** Our bytes against an independent codec, in both directions, for every kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddress, writeAddress, writeAddressDump } from '../../../../../drivers/netlink/codec/address.ts';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import { readFdb, writeFdb, writeFdbDelete, writeFdbGet } from '../../../../../drivers/netlink/codec/fdb.ts';
import {
  readLink,
  writeLinkChange,
  writeLinkDelete,
  writeLinkGet,
  writeVxlanCreate,
} from '../../../../../drivers/netlink/codec/link.ts';
import {
  readNeighbour,
  writeNeighbour,
  writeNeighbourDelete,
  writeNeighbourDump,
} from '../../../../../drivers/netlink/codec/neighbour.ts';
import { readNexthop, writeNexthop, writeNexthopDelete } from '../../../../../drivers/netlink/codec/nexthop.ts';
import {
  readDefaultRoutes,
  readRoute,
  writeRoute,
  writeRouteDelete,
  writeRouteDump,
  writeRouteLookup,
} from '../../../../../drivers/netlink/codec/route.ts';
import type { Fdb, Link, Neighbour, Nexthop, Route, VxlanAttributes } from '../../../../../reconciler/resource.ts';
import { bytesOf, ifla, ip, mac, macBytes, received, rt, u32, wire, written } from '../oracle.ts';

const REQUEST = c.NLM_F_REQUEST;
const vxlanLink: Link & { vxlan: VxlanAttributes } = {
  kind: 'link',
  name: 'flannel.4096',
  type: 'vxlan',
  up: true,
  mac: '02:11:22:33:44:55',
  mtu: 1450,
  alias: 'selvage:/coreos.com/network',
  master: '',
  vxlan: { vni: 4096, port: 4789, local: '192.0.2.1', parent: 'eth0', learning: true, gbp: true },
};
const neighbour: Neighbour = {
  kind: 'neighbour',
  dev: 'flannel.1',
  ip: '10.5.34.0',
  mac: '02:aa:00:00:00:22',
  permanent: true,
  protocol: 115,
};
const fdb: Fdb = {
  kind: 'fdb',
  dev: 'flannel.1',
  mac: '02:aa:00:00:00:22',
  dst: '192.0.2.34',
  permanent: true,
  plain: true,
};
const nexthop: Nexthop = {
  kind: 'nexthop',
  id: 0xfe052200,
  dev: 'flannel.1',
  gateway: '10.5.34.0',
  onlink: true,
  protocol: 115,
  plain: true,
};
const route: Route = {
  kind: 'route',
  table: 254,
  dst: '10.5.34.0/24',
  tos: 0,
  metric: 0,
  dev: 'flannel.1',
  gateway: '10.5.34.0',
  onlink: true,
  nexthopId: 0,
  protocol: 115,
  type: 'unicast',
  plain: true,
};

test('a vxlan device is created with what flannel gives it', () => {
  const [message] = written((w) => writeVxlanCreate(w, vxlanLink, 2));
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
  bare.vxlan = { vni: 1, port: 0, local: '', parent: '', learning: false, gbp: false };
  const [message] = written((w) => writeVxlanCreate(w, bare, 0));
  const { data, attrs } = rt.parseLinkMessage(message!.data);
  assert.deepEqual([data.flags, data.change], [{}, {}]);
  assert.deepEqual([attrs.address, attrs.mtu], [undefined, undefined]);
  const info = new Map<number, Buffer>();
  wire.parseAttributes(attrs.linkinfo!, (item) => info.set(item.type, item.data));
  const vxlan = ifla.parseVxlan(info.get(2)!);
  assert.deepEqual([vxlan.port, vxlan.link, vxlan.local, vxlan.gbp], [undefined, undefined, undefined, undefined]);
});

test('a link is changed, asked for and deleted', () => {
  const change = { up: false, mac: '02:00:00:00:00:01', mtu: 1400, alias: 'selvage:/x', vxlan: { local: '192.0.2.9' } };
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
  assert.deepEqual(record.link, { ...vxlanLink, vxlan: { ...vxlanLink.vxlan, parent: '' } });
});

test('an address goes both ways', () => {
  const address = { kind: 'address', dev: 'flannel.1', address: '10.5.1.0/31' } as const;
  const [added, dump] = written((w) => {
    writeAddress(w, c.RTM_NEWADDR, c.NLM_F_CREATE | c.NLM_F_EXCL, address, 7);
    writeAddressDump(w, 7);
  });
  const { data, attrs } = rt.parseAddressMessage(added!.data);
  assert.deepEqual([data.family, data.prefixlen, data.scope, data.index], [2, 31, 0, 7]);
  assert.deepEqual([ip(attrs.local), ip(attrs.address)], ['10.5.1.0', '10.5.1.0']);
  assert.equal(dump!.flags, REQUEST | c.NLM_F_DUMP);
  assert.equal(rt.parseAddressMessage(dump!.data).data.index, 7);

  const m = received(c.RTM_NEWADDR, (out) =>
    rt.formatAddressMessage(
      {
        kind: 'address',
        data: { family: 2, prefixlen: 24, index: 7, scope: 253, flags: { secondary: true } },
        attrs: {
          local: bytesOf('10.1.1.1'),
          address: bytesOf('10.1.1.2'),
          flags: { permanent: true, noprefixroute: true },
        },
      },
      out,
    ),
  );
  const read = readAddress(m);
  assert.deepEqual(read, { index: 7, address: '10.1.1.1/24', scope: 253, flags: c.IFA_F_PERMANENT | 0x200 });
});

test('a neighbour goes both ways', () => {
  const [added, unmarked, deleted, dump] = written((w) => {
    writeNeighbour(w, c.NLM_F_CREATE | c.NLM_F_REPLACE, neighbour, 7);
    writeNeighbour(w, 0, { ...neighbour, protocol: 0 }, 7);
    writeNeighbourDelete(w, neighbour, 7);
    writeNeighbourDump(w, 7);
  });
  assert.deepEqual([added!.type, added!.flags], [c.RTM_NEWNEIGH, REQUEST | c.NLM_F_CREATE | c.NLM_F_REPLACE]);
  const { data, attrs } = rt.parseNeighborMessage(added!.data);
  assert.deepEqual([data.family, data.ifindex, data.state, data.flags], [2, 7, { permanent: true }, {}]);
  assert.deepEqual([ip(attrs.dst), mac(attrs.lladdr), attrs.protocol?.[0]], ['10.5.34.0', neighbour.mac, 115]);
  assert.equal(rt.parseNeighborMessage(unmarked!.data).attrs.protocol, undefined);
  const gone = rt.parseNeighborMessage(deleted!.data);
  assert.deepEqual([deleted!.type, ip(gone.attrs.dst), gone.data.ifindex], [c.RTM_DELNEIGH, '10.5.34.0', 7]);
  assert.equal(u32(rt.parseNeighborMessage(dump!.data).attrs.ifindex), 7);

  const message = (data: object, attrs: object) =>
    received(c.RTM_NEWNEIGH, (out) =>
      rt.formatNeighborMessage({ kind: 'neighbor', data: { family: 2, ifindex: 7, ...data }, attrs }, out),
    );
  const whole = { dst: bytesOf('10.5.34.0'), lladdr: macBytes(neighbour.mac), protocol: Buffer.of(115) };
  assert.deepEqual(readNeighbour(message({ state: { permanent: true } }, whole), 'flannel.1'), neighbour);
  const failed = readNeighbour(message({ state: { failed: true } }, { dst: bytesOf('10.5.34.0') }), 'flannel.1');
  assert.deepEqual(failed, { ...neighbour, mac: '', permanent: false, protocol: 0 });
  assert.equal(readNeighbour(message({ flags: { proxy: true } }, whole), 'flannel.1'), undefined);
  assert.equal(readNeighbour(message({}, { ...whole, dst: bytesOf('224.0.0.22') }), 'flannel.1'), undefined);
  assert.equal(readNeighbour(message({ family: 10 }, { dst: Buffer.alloc(16) }), 'flannel.1'), undefined);
});

test('an FDB entry goes both ways', () => {
  const [added, deleted, get] = written((w) => {
    writeFdb(w, c.NLM_F_CREATE | c.NLM_F_EXCL, fdb, 7);
    writeFdbDelete(w, fdb, 7);
    writeFdbGet(w, 7, fdb.mac);
  });
  for (const [message, type] of [
    [added, c.RTM_NEWNEIGH],
    [deleted, c.RTM_DELNEIGH],
  ] as const) {
    const { data, attrs } = rt.parseNeighborMessage(message!.data);
    assert.equal(message!.type, type);
    assert.deepEqual([data.family, data.ifindex, data.flags], [7, 7, { self: true }]);
    assert.deepEqual([mac(attrs.lladdr), ip(attrs.dst)], [fdb.mac, fdb.dst]);
  }
  assert.deepEqual(rt.parseNeighborMessage(added!.data).data.state, { permanent: true });
  assert.equal(mac(rt.parseNeighborMessage(get!.data).attrs.lladdr), fdb.mac);

  const read = (data: object, attrs: object = {}) =>
    readFdb(
      received(c.RTM_NEWNEIGH, (out) =>
        rt.formatNeighborMessage(
          {
            kind: 'neighbor',
            data: { family: 7, ifindex: 7, state: { permanent: true }, flags: { self: true }, ...data },
            attrs: { lladdr: macBytes(fdb.mac), dst: bytesOf(fdb.dst), ...attrs },
          },
          out,
        ),
      ),
      'flannel.1',
    );
  assert.deepEqual(read({}), fdb);
  assert.deepEqual(read({ flags: { self: true, offloaded: true } }), fdb);
  assert.equal(read({ flags: { self: true, extLearned: true } })?.plain, false);
  assert.equal(read({ state: { reachable: true } })?.permanent, false);
  for (const attr of [{ port: Buffer.of(0x12, 0xb5) }, { vni: wire.putU32(5) }, { ifindex: wire.putU32(2) }]) {
    assert.equal(read({}, attr)?.plain, false);
  }
  assert.equal(read({ flags: { master: true } }), undefined);
  assert.equal(read({ family: 2 }), undefined);
});

test('a nexthop object goes both ways', () => {
  const [added, direct, deleted] = written((w) => {
    writeNexthop(w, c.NLM_F_CREATE | c.NLM_F_EXCL, nexthop, 7);
    writeNexthop(w, 0, { ...nexthop, gateway: '', onlink: false }, 7);
    writeNexthopDelete(w, nexthop.id);
  });
  const { data, attrs } = rt.parseNextHopMessage(added!.data);
  assert.deepEqual([data.family, data.scope, data.protocol, data.flags], [2, 0, 115, { onlink: true }]);
  assert.deepEqual([attrs.id, attrs.oif, ip(attrs.gateway)], [nexthop.id, 7, nexthop.gateway]);
  assert.equal(rt.parseNextHopMessage(direct!.data).attrs.gateway, undefined);
  assert.deepEqual({ ...rt.parseNextHopMessage(deleted!.data).attrs }, { id: nexthop.id });

  const read = (attrs: object, data: object = {}) =>
    readNexthop(
      received(c.RTM_NEWNEXTHOP, (out) =>
        rt.formatNextHopMessage(
          { kind: 'nextHop', data: { family: 2, protocol: 115, flags: { onlink: true }, ...data }, attrs } as never,
          out,
        ),
      ),
    );
  const whole = { id: nexthop.id, oif: 7, gateway: bytesOf('10.5.34.0') };
  assert.deepEqual(read(whole), { index: 7, nexthop: { ...nexthop, dev: '' } });
  assert.equal(read({ ...whole, gateway: Buffer.alloc(16) }, { family: 10 }).nexthop.plain, false);
  assert.equal(read({ id: 5, blackhole: true }).nexthop.plain, false);
  assert.equal(read({ id: 5, group: Buffer.alloc(8) }).nexthop.plain, false);
});

test('a route goes both ways, with a gateway', () => {
  const onlink = { __unknown: c.RTNH_F_ONLINK }; // the oracle's RouteFlags has no onlink
  const [added, deleted, lookup, dump] = written((w) => {
    writeRoute(w, c.NLM_F_CREATE | c.NLM_F_EXCL, { ...route, tos: 16, metric: 7, table: 1000 }, 7);
    writeRouteDelete(w, route, 7);
    writeRouteLookup(w, route.dst);
    writeRouteDump(w, 254, 7);
  });
  assert.deepEqual([added!.type, added!.flags], [c.RTM_NEWROUTE, REQUEST | c.NLM_F_CREATE | c.NLM_F_EXCL]);
  const { data, attrs } = rt.parseRouteMessage(added!.data);
  assert.deepEqual([data.family, data.dstLen, data.srcLen, data.tos, data.table], [2, 24, 0, 16, 0]);
  assert.deepEqual([data.protocol, data.scope, data.type, data.flags], [115, 'UNIVERSE', 'UNICAST', onlink]);
  assert.deepEqual([ip(attrs.dst), ip(attrs.gateway), attrs.oif], ['10.5.34.0', '10.5.34.0', 7]);
  assert.deepEqual([attrs.priority, attrs.table], [7, 1000]);
  const gone = rt.parseRouteMessage(deleted!.data);
  assert.equal(deleted!.type, c.RTM_DELROUTE);
  assert.deepEqual([gone.data.protocol, gone.data.scope, gone.data.type], [115, 'NOWHERE', 'UNICAST']);
  assert.deepEqual([ip(gone.attrs.gateway), gone.attrs.oif, gone.data.table], ['10.5.34.0', 7, 254]);
  const asked = rt.parseRouteMessage(lookup!.data);
  assert.deepEqual([asked.data.dstLen, asked.data.flags], [32, { fibMatch: true, lookupTable: true }]);
  assert.deepEqual(
    [rt.parseRouteMessage(dump!.data).attrs.table, rt.parseRouteMessage(dump!.data).attrs.oif],
    [254, 7],
  );

  const m = received(c.RTM_NEWROUTE, (out) =>
    rt.formatRouteMessage(
      {
        kind: 'route',
        data: { family: 2, dstLen: 24, table: 254, protocol: 115 as never, type: 'UNICAST', flags: onlink },
        attrs: { dst: bytesOf('10.5.34.0'), gateway: bytesOf('10.5.34.0'), oif: 7 },
      },
      out,
    ),
  );
  assert.deepEqual(readRoute(m), { index: 7, route: { ...route, dev: '' } });
});

test('a route on a nexthop object names that and nothing else', () => {
  const onObject = { ...route, nexthopId: nexthop.id };
  const [added, deleted] = written((w) => {
    writeRoute(w, c.NLM_F_CREATE | c.NLM_F_REPLACE, onObject, 7);
    writeRouteDelete(w, onObject, 7);
  });
  for (const message of [added, deleted]) {
    const { data, attrs } = rt.parseRouteMessage(message!.data);
    assert.deepEqual(Object.keys(attrs).sort(), ['dst', 'nhId']);
    assert.equal(u32(attrs.nhId), nexthop.id);
    assert.deepEqual(data.flags, {});
  }
});

test('what we would never make is not plain', () => {
  const read = (attrs: object, data: object = {}) =>
    readRoute(
      received(c.RTM_NEWROUTE, (out) =>
        rt.formatRouteMessage(
          {
            kind: 'route',
            data: { family: 2, dstLen: 24, table: 254, type: 'UNICAST', ...data },
            attrs: { dst: bytesOf('10.5.34.0'), ...attrs },
          },
          out,
        ),
      ),
    )?.route;
  assert.equal(read({ oif: 3 })?.plain, true);
  assert.equal(read({ prefsrc: bytesOf('10.0.0.1') })?.plain, false);
  assert.equal(read({ metrics: { mtu: wire.putU32(1400) } })?.plain, false);
  assert.equal(read({ multipath: Buffer.alloc(8, 0) })?.plain, false);
  assert.equal(read({ encap: Buffer.alloc(4), encapType: 1 })?.plain, false);
  assert.equal(read({}, { type: 'BLACKHOLE' })?.type, 'blackhole');
  assert.equal(read({}, { flags: { cloned: true } }), undefined);
  assert.equal(read({}, { family: 10 }), undefined);
});

test('a direct route has link scope, a blackhole none', () => {
  const [direct, blackhole] = written((w) => {
    writeRoute(w, 0, { ...route, gateway: '', onlink: false }, 7);
    writeRoute(w, 0, { ...route, gateway: '', onlink: false, dev: '', type: 'blackhole' }, 0);
  });
  assert.equal(rt.parseRouteMessage(direct!.data).data.scope, 'LINK');
  assert.equal(rt.parseRouteMessage(blackhole!.data).data.scope, 'UNIVERSE');
  assert.equal(rt.parseRouteMessage(blackhole!.data).data.type, 'BLACKHOLE');
});

test('a default route with several ways is one record each', () => {
  const way = (index: number, gateway: string) => {
    const attrs = new wire.AttrStream();
    attrs.push(c.RTA_GATEWAY, bytesOf(gateway));
    const rest = Buffer.concat(attrs.bufs);
    return Buffer.concat([wire.putU16(8 + rest.length), Buffer.of(0, 0), wire.putU32(index), rest]);
  };
  const m = received(c.RTM_NEWROUTE, (out) =>
    rt.formatRouteMessage(
      {
        kind: 'route',
        data: { family: 2, dstLen: 0, table: 254, type: 'UNICAST' },
        attrs: { priority: 100, multipath: Buffer.concat([way(2, '192.0.2.254'), way(3, '198.51.100.254')]) },
      },
      out,
    ),
  );
  assert.deepEqual(readDefaultRoutes(m), [
    { table: 254, type: 1, metric: 100, index: 2, gateway: '192.0.2.254' },
    { table: 254, type: 1, metric: 100, index: 3, gateway: '198.51.100.254' },
  ]);
});
