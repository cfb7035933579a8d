/**
 * Owns the changes of links, one at a time: a link takes everything under it along, so none is touched without a fresh look at what it is.
 *
 * - A device that is not the kind of device that the change is about is left alone: conflict.
 * - The alias that marks a new device follows its creation in a request of its own: in the same datagram it would mark whatever stands there.
 */
import { writeFileSync } from 'node:fs';
import type { Change } from '../../reconciler/contracts/driver.ts';
import type { Failure } from '../../reconciler/contracts/failure.ts';
import { describe, type Link, nameOf } from '../../reconciler/kinds/index.ts';
import { attributesThatDiffer, clash, isSameDevice, type Tunnel } from '../../reconciler/tunnels/index.ts';
import type { Client, Reply } from './client.ts';
import { type LinkChange, writeLinkChange, writeLinkDelete, writeTunnelCreate } from './codec/link.ts';
import { Devices } from './device-index.ts';
import { EEXIST, EINVAL, ENODEV, EOPNOTSUPP, failureOf, isGone } from './errno.ts';
import { inNetns } from './netns.ts';
import { serves } from './serves.ts';
import { wireTunnel } from './tunnels/index.ts';

/** undefined: done. "noop": it was so already. */
type Result = Failure | 'noop' | undefined;

type TunnelLink = Link & { tunnel: Tunnel };

export function applyLink(client: Client, change: Change, netns: string | undefined): Result {
  if (change.op === 'delete') return change.have.kind === 'link' ? remove(client, change.have) : undefined;
  const { want } = change;
  if (want.kind !== 'link' || !isTunnel(want)) {
    return failureOf(EINVAL, '', `${nameOf(want)} can't be made`, 'selvage makes the devices of its backends only');
  }
  if (change.op === 'create') return create(client, want, netns);
  if (!change.recreate) return update(client, want);
  const removed = change.have.kind === 'link' ? remove(client, change.have) : undefined;
  return typeof removed === 'object' ? removed : create(client, want, netns);
}

/** A device that was not found, if it isn't that it could not be looked up. */
function gone(devices: Devices, what: string, cure?: string): Failure {
  const { trouble } = devices;
  return trouble ? failureOf(trouble.errno, trouble.extack, what) : failureOf(ENODEV, '', what, cure);
}

const isTunnel = (link: Link): link is TunnelLink =>
  link.tunnel !== undefined && link.type === link.tunnel.type && wireTunnel(link.type) !== undefined;

/** Name of the underlay device, "" for none. */
const parentOf = (tunnel: Partial<Tunnel>): string => ('parent' in tunnel ? (tunnel.parent ?? '') : '');

function create(client: Client, want: TunnelLink, netns: string | undefined): Result {
  const what = `${nameOf(want)} was not created`;
  const parent = parentOf(want.tunnel);
  const devices = new Devices(client);
  const parentIndex = devices.index(parent);
  if (parent && parentIndex === 0) return gone(devices, what, `its underlay device ${parent} is gone`);
  const reply = client.change((w) => writeTunnelCreate(w, want, parentIndex));
  if (reply.errno === EEXIST) return inTheWay(client, want, reply, what);
  if (reply.errno === EOPNOTSUPP) return moduleMissing(want, reply, what);
  if (reply.errno !== 0) return failureOf(reply.errno, reply.extack, what);
  refuseRouterAdvertisements(want.name, netns);
  const { alias, rpFilter } = want;
  const index = new Devices(client).index(want.name);
  const marked = client.change((w) =>
    writeLinkChange(w, index, {
      ...(alias ? { alias } : {}),
      ...(rpFilter === undefined ? {} : { rpFilter }),
      // It begins as the namespace's default has it, which may be off.
      forwarding: true,
    }),
  );
  return marked.errno === 0 ? undefined : failureOf(marked.errno, marked.extack, `${nameOf(want)} was not marked`);
}

/** The kernel has tried to load the module by itself; somebody may still install or load it, so it is tried again. */
function moduleMissing({ type }: TunnelLink, reply: Reply, what: string): Failure {
  const cure = `this kernel has no ${type} devices; load its module (modprobe ${type}), or set Backend.Type to another`;
  return { ...failureOf(reply.errno, reply.extack, what, cure), kind: 'transient' };
}

/** As flannel ≥ 0.28 does, and as little as it cares if that fails (a host without IPv6 has no such file). */
function refuseRouterAdvertisements(name: string, netns: string | undefined): void {
  try {
    inNetns(netns, () => writeFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0'));
  } catch {
    // no IPv6, or /proc/sys is read-only in this container
  }
}

/** EEXIST has two reasons: the name is taken, or another device has what the kernel has one of. */
function inTheWay(client: Client, want: TunnelLink, reply: Reply, what: string): Result {
  const devices = new Devices(client);
  const links = devices.loadAll().records.map((record) => devices.complete(record));
  const named = links.find(({ name }) => name === want.name);
  if (named && serves(named, want)) return 'noop';
  const rival = links.find((link) => clash(want, link) !== undefined);
  const holder = named ?? rival;
  if (!holder) return failureOf(EEXIST, reply.extack, what);
  return failureOf(EEXIST, reply.extack, what, `${describe(holder)} is in its place; remove or reconfigure that`);
}

function update(client: Client, want: TunnelLink): Result {
  const what = `${nameOf(want)} was not changed`;
  const devices = new Devices(client);
  const record = devices.record(want.name);
  if (!record) return gone(devices, what);
  const have = devices.complete(record);
  if (!isSameDevice(have, want)) return failureOf(EEXIST, '', what, `${describe(have)} has taken its place`);
  const change = differences(have, want, devices);
  if (change === 'parentGone') return gone(devices, what, `its underlay device ${parentOf(want.tunnel)} is gone`);
  if (Object.keys(change).length === 0) return 'noop';
  const { tunnel, ...rest } = change;
  // apart: the kernel refuses an MTU beside a tunnel's own attributes
  const parts = [...(tunnel ? [{ tunnel }] : []), ...(Object.keys(rest).length > 0 ? [rest] : [])];
  const [failed] = client.batch(parts.length, (w, i) => writeLinkChange(w, record.index, parts[i]!)).values();
  return failed && failureOf(failed.errno, failed.extack, what);
}

function differences(have: Link, want: TunnelLink, devices: Devices): LinkChange | 'parentGone' {
  const change: LinkChange = {};
  if (have.up !== want.up) change.up = want.up;
  if (want.mac && have.mac !== want.mac) change.mac = want.mac;
  if (want.mtu && have.mtu !== want.mtu) change.mtu = want.mtu;
  if (want.alias !== undefined && have.alias !== want.alias) change.alias = want.alias;
  if (want.rpFilter !== undefined && have.rpFilter !== want.rpFilter) change.rpFilter = want.rpFilter;
  if (have.forwarding === false) change.forwarding = true;
  if (have.arp === false) change.arp = true;
  const attributes = attributesThatDiffer(want.tunnel, have.tunnel);
  const parent = parentOf(attributes);
  const parentIndex = devices.index(parent);
  if (parent && parentIndex === 0) return 'parentGone';
  if (Object.keys(attributes).length > 0) change.tunnel = { type: want.tunnel.type, attributes, parentIndex };
  return change;
}

function remove(client: Client, have: Link): Result {
  const what = `${nameOf(have)} was not removed`;
  const devices = new Devices(client);
  const record = devices.record(have.name);
  if (!record) return devices.trouble ? gone(devices, what) : 'noop';
  const { link } = record;
  if (!isSameDevice(link, have)) {
    return failureOf(EEXIST, '', what, `${describe(link)} has taken its place`);
  }
  const reply = client.change((w) => writeLinkDelete(w, record.index));
  if (reply.errno === 0) return undefined;
  return isGone(reply.errno, reply.extack) ? 'noop' : failureOf(reply.errno, reply.extack, what);
}
