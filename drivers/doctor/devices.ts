/** Reads the devices of this network namespace with what doctor's checks go by: counters, where a MAC came from, the driver of a card. Changes nothing. */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Device } from '../../reconciler/doctor/facts.ts';
import { type Client, problemOf } from '../netlink/client.ts';
import * as c from '../netlink/codec/constants.ts';
import { isLinkMessage, type LinkRecord, readLink } from '../netlink/codec/link.ts';
import type { Message } from '../netlink/codec/message.ts';
import { checksumOffload } from './offload.ts';

const IFINFOMSG = 16;
const IFLA_STATS64 = 23;
/** Of struct rtnl_link_stats64 (linux/if_link.h): the 25th counter, from kernel 5.19. */
const OTHER_HOST_AT = 24 * 8;

/** @throws Error if the kernel can't be asked */
export function readDevices(client: Client): Device[] {
  const { items, ...reply } = client.dump(
    (w) => {
      w.begin(c.RTM_GETLINK, c.NLM_F_DUMP, IFINFOMSG);
      w.end();
    },
    (m) => (isLinkMessage(m) ? { record: readLink(m), otherHost: readOtherHost(m) } : undefined),
  );
  const problem = problemOf('links', reply);
  if (problem) throw new Error(problem);
  const names = new Map(items.map(({ record }) => [record.index, record.link.name]));
  return items.map(({ record, otherHost }) => deviceOf(record, otherHost, names));
}

function readOtherHost(m: Message): number | undefined {
  m.scan(m.body + IFINFOMSG);
  const stats = m.nest(IFLA_STATS64);
  if (!stats || stats.from + OTHER_HOST_AT + 8 > stats.to) return undefined;
  const at = stats.from + OTHER_HOST_AT;
  return m.u32(at) + m.u32(at + 4) * 2 ** 32;
}

function deviceOf(
  { link, index, masterIndex }: LinkRecord,
  otherHost: number | undefined,
  names: Map<number, string>,
): Device {
  const { name, type, mac, mtu, up, tunnel } = link;
  return {
    name,
    index,
    type,
    mac,
    mtu,
    up,
    master: names.get(masterIndex) ?? '',
    ...(tunnel?.type === 'vxlan' ? { vxlan: { vni: tunnel.vni, port: tunnel.port } } : {}),
    ...(otherHost === undefined ? {} : { otherHost }),
    ...ofSysfs(name, index),
    ...(tunnel?.type === 'vxlan' ? { checksumOffload: checksumOffload(name) } : {}),
  };
}

/** /sys shows the namespace in which it was mounted, which need not be ours: only what has the same index is the same device. */
function ofSysfs(name: string, index: number): Pick<Device, 'macOrigin' | 'driver'> {
  const folder = join('/sys/class/net', name);
  const read = (file: string): number | undefined => {
    try {
      return Number(readFileSync(join(folder, file), 'utf8'));
    } catch {
      return undefined;
    }
  };
  if (read('ifindex') !== index) return {};
  const macOrigin = read('addr_assign_type');
  let driver: string | undefined;
  try {
    driver = basename(readlinkSync(join(folder, 'device/driver')));
  } catch {
    // No card.
  }
  return { ...(macOrigin === undefined ? {} : { macOrigin }), ...(driver === undefined ? {} : { driver }) };
}
