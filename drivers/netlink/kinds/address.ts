/** Owns addresses on the wire: always dumped device by device, for there is no single read of one. */
import type { Address, Have } from '../../../reconciler/kinds/index.ts';
import { addressIndex, readAddress, writeAddress, writeAddressDump } from '../codec/address.ts';
import * as c from '../codec/constants.ts';
import type { Reader } from '../reader.ts';
import { only, underDevices } from './keys.ts';
import type { WireKind } from './kind.ts';

export const addressWire: WireKind<Address> = {
  kind: 'address',
  dump: (reader, records) => records.flatMap(({ link }) => ofLink(reader, link)),
  under: (reader, links) => links.flatMap((link) => ofLink(reader, link)),
  read: (reader, keys) => underDevices(keys, (dev, wanted) => only(wanted, addresses(reader, dev))),
  deviceOf: ({ dev }) => dev,
  write: (w, op, address, index) => {
    if (op === 'delete') writeAddress(w, c.RTM_DELADDR, 0, address, index);
    else writeAddress(w, c.RTM_NEWADDR, op === 'create' ? c.CREATE : c.REPLACE, address, index);
  },
};

const ofLink = (reader: Reader, link: Parameters<Reader['relevance']['addressesOf']>[0]): Have[] =>
  reader.relevance.addressesOf(link) ? addresses(reader, link.name) : [];

function addresses(reader: Reader, dev: string): Have[] {
  return reader.under(dev, 'addresses', writeAddressDump, (m, index) => {
    const record = addressIndex(m) === index ? readAddress(m) : undefined;
    return record && { kind: 'address', dev, address: record.address };
  });
}
