/** Our bytes against an independent codec (oracle.ts), in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import {
  readDefaultRoutes,
  readRoute,
  writeRoute,
  writeRouteDelete,
  writeRouteDump,
  writeRouteLookup,
} from '../../../../../drivers/netlink/codec/route.ts';
import type { Nexthop, Route } from '../../../../../reconciler/kinds/index.ts';
import { bytesOf, ip, received, rt, u32, wire, written } from '../oracle.ts';

const REQUEST = c.NLM_F_REQUEST;
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
