/** Owns FDB entries on the wire: only of devices that have an FDB of their own; others show their multicast filters there. */
import type { Fdb, Have } from '../../../reconciler/kinds/index.ts';
import * as c from '../codec/constants.ts';
import { hasFdb, isGroupMac, readFdb, writeFdb, writeFdbDelete, writeFdbDump, writeFdbGet } from '../codec/fdb.ts';
import { neighbourIndex } from '../codec/neighbour.ts';
import type { Reader } from '../reader.ts';
import { only, readEach, underDevices } from './keys.ts';
import type { WireKind } from './kind.ts';

export const fdbWire: WireKind<Fdb> = {
  kind: 'fdb',
  dump: (reader) => [...reader.relevance.devices].flatMap((dev) => entries(reader, dev)),
  under: (reader, links) =>
    links.flatMap(({ name }) => (reader.relevance.devices.has(name) ? entries(reader, name) : [])),
  read: (reader, keys) => underDevices(keys, (dev, macs) => readThese(reader, dev, macs)),
  deviceOf: ({ dev }) => dev,
  write: (w, op, fdb, index) => {
    if (op === 'delete') writeFdbDelete(w, fdb, index);
    else writeFdb(w, op === 'create' ? c.CREATE : c.REPLACE, fdb, index);
  },
  // Kernel 6.18: the notification of an FDB entry names nobody.
  echo: (_, { mac }) => ({ family: c.AF_BRIDGE, key: mac }),
  isDynamic: ({ permanent, plain }) => !permanent && plain,
};

function entries(reader: Reader, dev: string): Have[] {
  const record = reader.devices.record(dev);
  if (!record || !hasFdb(record.link)) return [];
  return reader.under(dev, 'FDB entries', writeFdbDump, (m, index) =>
    neighbourIndex(m) === index ? readFdb(m, dev) : undefined,
  );
}

function readThese(reader: Reader, dev: string, macs: string[]): Have[] {
  const record = reader.devices.record(dev);
  if (!record || !hasFdb(record.link)) return [];
  if (macs.some(isGroupMac)) return only(macs, entries(reader, dev));
  const get = (mac: string) =>
    reader.client.get(
      (w) => writeFdbGet(w, record.index, mac),
      (m) => readFdb(m, dev),
    );
  return readEach(
    macs,
    get,
    (value, mac) => value.mac === mac,
    () => entries(reader, dev),
  );
}
