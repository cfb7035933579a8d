/** Owns how a device is made, changed and removed with `ip link`, as drivers/netlink/link-changes.ts does it on the wire. */
import { attributesThatDiffer, type Tunnel, tunnelRules } from '../tunnels/index.ts';
import { type ChangeOf, type Command, ip, quoted } from './command.ts';
import type { Link } from './link.ts';

export function linkCommands(change: ChangeOf<Link>): Command[] {
  switch (change.op) {
    case 'create':
      return made(change.want);
    case 'delete':
      return [remove(change.have)];
    case 'update':
      return change.recreate ? [remove(change.have), ...made(change.want)] : changed(change.want, change.have);
  }
}

const remove = ({ name }: Link): Command => ip('link', 'delete', 'dev', name);

function made(want: Link): Command[] {
  const { name, mac, mtu, up, type, tunnel, alias, rpFilter } = want;
  const rules = tunnelRules(type);
  const make = tunnel && rules ? rules.arguments(rules.asMade(tunnel)) : [];
  const attributes = ['txqueuelen', '0', ...(mac ? ['address', mac] : []), ...(mtu ? ['mtu', mtu] : [])];
  return [
    ip('link', 'add', 'name', name, ...attributes, ...(up ? ['up'] : []), 'type', type, ...make),
    // flannel ≥ 0.28 takes no router advertisements there; a host without IPv6 has no such file.
    setting(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0'),
    ...(alias ? [aliased(name, alias)] : []),
    ...(rpFilter === undefined ? [] : [setting(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, String(rpFilter))]),
  ];
}

function changed(want: Link, have: Link): Command[] {
  const { name, mac, mtu, up, alias, rpFilter, tunnel } = want;
  const attributes = tunnel ? attributesThatDiffer(tunnel, have.tunnel) : {};
  const make = tunnelRules(want.type)?.arguments(attributes as Partial<Tunnel>) ?? [];
  const plain = [
    ...(have.up === up ? [] : [up ? 'up' : 'down']),
    ...(mac && have.mac !== mac ? ['address', mac] : []),
    ...(mtu && have.mtu !== mtu ? ['mtu', mtu] : []),
    ...(have.arp === false ? ['arp', 'on'] : []),
  ];
  return [
    ...(Object.keys(attributes).length ? [ip('link', 'set', 'dev', name, 'type', want.type, ...make)] : []),
    ...(plain.length ? [ip('link', 'set', 'dev', name, ...plain)] : []),
    ...(alias === undefined || have.alias === alias ? [] : [aliased(name, alias)]),
    ...(rpFilter === undefined || have.rpFilter === rpFilter
      ? []
      : [setting(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, String(rpFilter))]),
    ...(have.forwarding === false ? [setting(`/proc/sys/net/ipv4/conf/${name}/forwarding`, '1')] : []),
  ];
}

/** By the shell: a prefix may have characters that a batch of `ip` takes for its own. */
const aliased = (name: string, alias: string): Command => ({
  tool: 'sh',
  text: `ip link set dev ${quoted(name)} alias ${alias === '' ? "''" : quoted(alias)}`,
});

const setting = (file: string, value: string): Command => ({
  tool: 'sh',
  text: `[ ! -e ${quoted(file)} ] || echo ${value} > ${quoted(file)}`,
});
