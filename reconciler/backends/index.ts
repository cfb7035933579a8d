/** Owns which backends there are, and who of them is asked. A new one is a new file, and a line here. */
import { foreign } from '../../config/foreign-text.ts';
import type { LeaseAttrs, NetworkConfig } from '../../config/model.ts';
import type { HeldEntry } from '../contracts/report.ts';
import { awsVpcType } from './aws-vpc.ts';
import type { Backend } from './backend.ts';
import type { BackendType, LeaseData } from './backend-type.ts';
import { gceType } from './gce.ts';
import { hostGwType } from './host-gw.ts';
import { ipipType } from './ipip.ts';
import { udpType } from './udp.ts';
import { vxlanType } from './vxlan.ts';

export const BACKEND_TYPES: readonly BackendType[] = [vxlanType, hostGwType, ipipType, udpType, awsVpcType, gceType];

/** By the BackendType of a lease. One that several types write (none at all: udp, aws-vpc, gce) leaves open which of them it means. */
const BY_LEASE: ReadonlyMap<string, BackendType> = new Map(
  BACKEND_TYPES.filter(({ type }) => BACKEND_TYPES.filter((other) => other.type === type).length === 1).map((type) => [
    type.type,
    type,
  ]),
);

/** Undefined if we don't run it, or the network has no IPv4: see unsupportedBackend. */
export function backendFor(config: NetworkConfig): Backend | undefined {
  if (!config.enableIPv4) return undefined;
  for (const type of BACKEND_TYPES) {
    const backend = type.backendFor(config.backend);
    if (backend) return backend;
  }
  return undefined;
}

/** The path that a lease names. `paths`: those that this host has, the config's first; a lease that leaves it open means the first of its type. */
export function pathOf(attrs: LeaseAttrs, paths: readonly Pick<Backend, 'type' | 'path'>[]): string {
  const type = attrs.backendType;
  return BY_LEASE.get(type)?.pathOf(attrs) ?? paths.find((path) => path.type === type)?.path ?? type;
}

/** What no other host's lease can name (BackendType.identityOf). */
export const identityOf = (attrs: LeaseAttrs): string | undefined =>
  BY_LEASE.get(attrs.backendType)?.identityOf?.(attrs);

/** Whether two leases name one way to their host, as flannel's readers take it. */
export function isSameWay(have: LeaseAttrs, want: LeaseAttrs): boolean {
  if (have.backendType !== want.backendType) return false;
  return BY_LEASE.get(want.backendType)?.isSameWay?.(have, want) ?? true;
}

/** Whether they do, and data that no reader of flannel's reads is the same to the letter. */
export function isSameData(have: LeaseAttrs, want: LeaseAttrs): boolean {
  if (have.backendType !== want.backendType) return false;
  const judged = BY_LEASE.get(want.backendType)?.isSameWay?.(have, want);
  return judged ?? JSON.stringify(have.backendData) === JSON.stringify(want.backendData);
}

/** What a lease says beside its address, for people. */
export const leaseData = (attrs: LeaseAttrs): LeaseData => BY_LEASE.get(attrs.backendType)?.dataOf?.(attrs) ?? {};

/** What a lease of the config's type says otherwise than the config, a sentence each. */
export function mismatches(attrs: LeaseAttrs, config: NetworkConfig): string[] {
  const sentence = BY_LEASE.get(attrs.backendType)?.mismatch?.(attrs, config.backend);
  return sentence === undefined ? [] : [sentence];
}

/** What a lease shows of an older flannel (BackendType.olderFlannel). */
export const olderFlannel: NonNullable<BackendType['olderFlannel']> = (attrs, config) =>
  BY_LEASE.get(attrs.backendType)?.olderFlannel?.(attrs, config);

/** The hold on a config whose backend we don't run. `key`: the config's. */
export function unsupportedBackend(config: NetworkConfig, key: string): HeldEntry {
  if (!config.enableIPv4) {
    const detail = `A network of IPv6 alone is not supported yet; set EnableIPv4 in ${key}, or run flanneld on this host.`;
    return { kind: 'config', key, why: 'IPv4 is off', detail, unmet: true };
  }
  const { type } = config.backend;
  const names = BACKEND_TYPES.map(({ name }) => name);
  const last = names.pop();
  const what = type ? `The backend ${foreign(type)}` : 'A Backend without a Type';
  const detail = `${what} is not supported yet; set Backend.Type in ${key} to ${names.join(', ')} or ${last}, or run flanneld on this host.`;
  return { kind: 'config', key, why: 'backend not supported', detail, unmet: true };
}

/** Of a network of both families, where we can do our half only: flanneld crashes on such a lease (docs/reference/flannel.md#acquiring-a-lease). */
export function ipv4Only(config: NetworkConfig, key: string): HeldEntry[] {
  if (!config.enableIPv4 || !config.enableIPv6) return [];
  const detail = `EnableIPv6 is true in ${key}, but selvage does IPv4 only so far: this host takes a lease without an IPv6 subnet, on which a flanneld that starts anew crashes; turn EnableIPv6 off, or run flanneld on every host.`;
  return [{ kind: 'config', key, why: 'IPv6 is left out', detail, unmet: false }];
}
