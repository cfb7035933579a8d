/** Our bytes against an independent codec (oracle.ts), in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import { readFdb, writeFdb, writeFdbDelete, writeFdbGet } from '../../../../../drivers/netlink/codec/fdb.ts';
import type { Fdb } from '../../../../../reconciler/kinds/index.ts';
import { bytesOf, ip, mac, macBytes, received, rt, wire, written } from '../oracle.ts';

const fdb: Fdb = {
  kind: 'fdb',
  dev: 'flannel.1',
  mac: '02:aa:00:00:00:22',
  dst: '192.0.2.34',
  permanent: true,
  plain: true,
};

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
