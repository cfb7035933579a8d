/** Our bytes against an independent codec (oracle.ts), in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import {
  readNeighbour,
  writeNeighbour,
  writeNeighbourDelete,
  writeNeighbourDump,
} from '../../../../../drivers/netlink/codec/neighbour.ts';
import type { Neighbour } from '../../../../../reconciler/kinds/index.ts';
import { bytesOf, ip, mac, macBytes, received, rt, u32, written } from '../oracle.ts';

const REQUEST = c.NLM_F_REQUEST;
const neighbour: Neighbour = {
  kind: 'neighbour',
  dev: 'flannel.1',
  ip: '10.5.34.0',
  mac: '02:aa:00:00:00:22',
  permanent: true,
  protocol: 115,
};

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
