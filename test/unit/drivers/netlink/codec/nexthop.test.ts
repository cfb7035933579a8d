/** Our bytes against an independent codec (oracle.ts), in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import { readNexthop, writeNexthop, writeNexthopDelete } from '../../../../../drivers/netlink/codec/nexthop.ts';
import type { Nexthop } from '../../../../../reconciler/kinds/index.ts';
import { bytesOf, ip, received, rt, written } from '../oracle.ts';

const nexthop: Nexthop = {
  kind: 'nexthop',
  id: 0xfe052200,
  dev: 'flannel.1',
  gateway: '10.5.34.0',
  onlink: true,
  protocol: 115,
  plain: true,
};

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
