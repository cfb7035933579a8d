/**
 * Owns device names against interface indexes: resources name their device, the wire numbers it.
 * Made anew for each call of the driver: an index is only good as long as nobody deletes and creates devices.
 */
import type { Link } from '../../reconciler/kinds/index.ts';
import type { Client, Reply } from './client.ts';
import { isLinkMessage, type LinkRecord, readLink, writeLinkDump, writeLinkGet } from './codec/link.ts';
import { EINVAL, ENODEV, ERANGE } from './errno.ts';

/** ERANGE and EINVAL: of a name that no device can have. */
const NO_SUCH_DEVICE = new Set([ENODEV, ERANGE, EINVAL]);

export class Devices {
  readonly #client: Client;
  readonly #byName = new Map<string, LinkRecord | undefined>();
  readonly #byIndex = new Map<number, LinkRecord | undefined>();
  #all = false;
  /** What the kernel said when a link could not be read: then "no such device" is not known to be true. */
  trouble: Reply | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Reads all links at once; afterwards nothing is looked up singly. Says what the kernel said. */
  loadAll(): { records: LinkRecord[]; reply: Reply } {
    const { items, ...reply } = this.#client.dump(writeLinkDump, (m) => (isLinkMessage(m) ? readLink(m) : undefined));
    if (reply.errno === 0) {
      this.forget();
      this.#all = true;
      for (const record of items) this.#keep(record);
    }
    return { records: items, reply };
  }

  /** After a link was made, changed or removed. */
  forget(): void {
    this.#byName.clear();
    this.#byIndex.clear();
    this.#all = false;
  }

  /** The link of that name; undefined if there is none (an alternative name doesn't count). */
  record(name: string): LinkRecord | undefined {
    if (!this.#byName.has(name) && !this.#all) {
      const value = this.#read(name);
      if (value) this.#keep(value);
      if (value?.link.name !== name) this.#byName.set(name, undefined);
    }
    return this.#byName.get(name);
  }

  /** 0 if there is no such device. */
  index(name: string): number {
    return name === '' ? 0 : (this.record(name)?.index ?? 0);
  }

  /** "" for index 0; "if7" for one that is gone or in another namespace, which is no device's name here. */
  name(index: number): string {
    if (index === 0) return '';
    if (!this.#byIndex.has(index) && !this.#all) {
      const value = this.#read(index);
      if (value) this.#keep(value);
      else this.#byIndex.set(index, undefined);
    }
    return this.#byIndex.get(index)?.link.name ?? `if${index}`;
  }

  /** The link with the names of its master and its underlay device filled in. */
  complete(record: LinkRecord): Link {
    record.link.master = this.name(record.masterIndex);
    const { tunnel } = record.link;
    if (tunnel && 'parent' in tunnel) tunnel.parent = this.name(record.parentIndex);
    return record.link;
  }

  #read(which: string | number): LinkRecord | undefined {
    const { value, ...reply } = this.#client.get((w) => writeLinkGet(w, which), readLink);
    if (reply.errno !== 0 && !NO_SUCH_DEVICE.has(reply.errno)) this.trouble = reply;
    return value;
  }

  #keep(record: LinkRecord): void {
    this.#byName.set(record.link.name, record);
    this.#byIndex.set(record.index, record);
  }
}
