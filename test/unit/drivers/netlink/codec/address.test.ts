/** Our bytes against an independent codec (oracle.ts), in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddress, writeAddress, writeAddressDump } from '../../../../../drivers/netlink/codec/address.ts';
import * as c from '../../../../../drivers/netlink/codec/constants.ts';
import { bytesOf, ip, received, rt, written } from '../oracle.ts';

const REQUEST = c.NLM_F_REQUEST;

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
