/** Owns nexthop objects on the wire. */
import type { Have, Nexthop } from '../../../reconciler/kinds/index.ts';
import * as c from '../codec/constants.ts';
import { readNexthop, writeNexthop, writeNexthopDelete, writeNexthopDump, writeNexthopGet } from '../codec/nexthop.ts';
import { ENOENT } from '../errno.ts';
import type { Reader } from '../reader.ts';
import { MANY } from './keys.ts';
import type { WireKind } from './kind.ts';

export const nexthopWire: WireKind<Nexthop> = {
  kind: 'nexthop',
  dump: (reader) => nexthops(reader, (nexthop) => reader.relevance.nexthop(nexthop)),
  under: (reader, links) => {
    const names = new Set(links.map(({ name }) => name));
    return nexthops(reader, (nexthop) => names.has(nexthop.dev) && reader.relevance.nexthop(nexthop));
  },
  read: readThese,
  deviceOf: ({ dev }) => dev,
  write: (w, op, nexthop, index) => {
    if (op === 'delete') writeNexthopDelete(w, nexthop.id);
    else writeNexthop(w, op === 'create' ? c.CREATE : c.REPLACE, nexthop, index);
  },
};

function nexthops(reader: Reader, keep: (nexthop: Nexthop) => boolean): Nexthop[] {
  const { items, ...reply } = reader.client.dump(writeNexthopDump, readNexthop);
  reader.note('nexthop objects', reply);
  return items.map((record) => reader.named(record)).filter(keep);
}

function readThese(reader: Reader, keys: string[]): Have[] {
  const ids = new Set(keys.map(Number));
  const all = () => nexthops(reader, (nexthop) => ids.has(nexthop.id));
  if (ids.size > MANY) return all();
  const haves: Have[] = [];
  for (const id of ids) {
    const { value, errno } = reader.client.get((w) => writeNexthopGet(w, id), readNexthop);
    if (value?.nexthop.id === id) haves.push(reader.named(value));
    else if (errno !== ENOENT) return all();
  }
  return haves;
}
