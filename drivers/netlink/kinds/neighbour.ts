/** Owns ARP entries on the wire. */
import type { Have, Neighbour } from '../../../reconciler/kinds/index.ts';
import * as c from '../codec/constants.ts';
import {
  neighbourIndex,
  readNeighbour,
  writeNeighbour,
  writeNeighbourDelete,
  writeNeighbourDump,
  writeNeighbourGet,
} from '../codec/neighbour.ts';
import type { Reader } from '../reader.ts';
import { readEach, underDevices } from './keys.ts';
import type { WireKind } from './kind.ts';

export const neighbourWire: WireKind<Neighbour> = {
  kind: 'neighbour',
  dump: (reader) => [...reader.relevance.devices].flatMap((dev) => neighbours(reader, dev)),
  under: (reader, links) =>
    links.flatMap(({ name }) => (reader.relevance.devices.has(name) ? neighbours(reader, name) : [])),
  read: (reader, keys) => underDevices(keys, (dev, ips) => readThese(reader, dev, ips)),
  deviceOf: ({ dev }) => dev,
  write: (w, op, neighbour, index) => {
    if (op === 'delete') writeNeighbourDelete(w, neighbour, index);
    else writeNeighbour(w, op === 'create' ? c.CREATE : c.REPLACE, neighbour, index);
  },
  // Kernel 6.18: neigh_cleanup_and_release names nobody.
  echo: (op, { ip }) => (op === 'delete' ? { family: c.AF_INET, key: ip } : undefined),
  isDynamic: ({ permanent }) => !permanent,
};

function neighbours(reader: Reader, dev: string): Have[] {
  return reader.under(dev, 'neighbours', writeNeighbourDump, (m, index) =>
    neighbourIndex(m) === index ? readNeighbour(m, dev) : undefined,
  );
}

function readThese(reader: Reader, dev: string, ips: string[]): Have[] {
  const index = reader.devices.index(dev);
  if (index === 0) return [];
  const get = (ip: string) =>
    reader.client.get(
      (w) => writeNeighbourGet(w, index, ip),
      (m) => readNeighbour(m, dev),
    );
  return readEach(
    ips,
    get,
    (value, ip) => value.ip === ip,
    () => neighbours(reader, dev),
  );
}
