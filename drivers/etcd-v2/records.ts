/**
 * Owns the keys of a network in etcd v2 and the shape that its nodes have outside of this driver.
 *
 * - In v2 every key begins with a slash: "coreos.com/network" and "/coreos.com/network" are one. Outside, keys have the prefix as given.
 * - There are no lease objects; a record's lease id is its createdIndex, which stays over updates and is nobody else's.
 */
import { configKey, subnetsPrefix } from '../../config/lease-key.ts';
import type { StoreRecord } from '../../reconciler/contracts/source.ts';
import type { Node } from './protocol.ts';

export const PERMANENT = '0';

export class V2Keys {
  readonly config: string;
  /** "<prefix>/subnets/" */
  readonly leases: string;
  /** As in a URL. With its slash at the end, for which a role on "<prefix>/*" is enough in etcd. */
  readonly folder: string;
  readonly #slashless: boolean;

  constructor(prefix: string) {
    this.config = configKey(prefix);
    this.leases = `${subnetsPrefix(prefix)}/`;
    this.#slashless = !prefix.startsWith('/');
    this.folder = `${this.urlOf(prefix)}/`;
  }

  /** A key as in a URL. */
  urlOf(key: string): string {
    const path = key.split('/').map(encodeURIComponent).join('/');
    return path.startsWith('/') ? path : `/${path}`;
  }

  /** etcd's name of a key as ours. */
  ours(key: string): string {
    return this.#slashless ? key.slice(1) : key;
  }

  isOurs(key: string): boolean {
    return key === this.config || key.startsWith(this.leases);
  }

  record({ key, value = '', modifiedIndex, createdIndex, expiration }: Node): StoreRecord {
    const leaseId = expiration === undefined ? PERMANENT : String(createdIndex);
    return { key: this.ours(key), value, modRevision: modifiedIndex, createRevision: createdIndex, leaseId };
  }
}

/** All keys under a node that are no directories. */
export function* leavesOf(node: Node): Generator<Node> {
  if (!node.dir) yield node;
  for (const child of node.nodes ?? []) yield* leavesOf(child);
}
