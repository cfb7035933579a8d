/** Owns links on the wire: listed by one dump of all, changed one at a time (link-changes.ts). */
import type { Link } from '../../../reconciler/kinds/index.ts';
import type { WireKind } from './kind.ts';

export const linkWire: WireKind<Link> = {
  kind: 'link',
  dump: ({ relevance, devices }, records) =>
    records.filter(({ link }) => relevance.link(link)).map((record) => devices.complete(record)),
  under: (_, links) => [...links],
  read: ({ devices }, names) =>
    names.flatMap((name) => devices.record(name) ?? []).map((record) => devices.complete(record)),
  deviceOf: () => '',
};
