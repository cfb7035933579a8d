/** What an event means: where to look, and what is passed over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as c from '../../../../drivers/netlink/codec/constants.ts';
import { Echoes } from '../../../../drivers/netlink/echoes.ts';
import { type EventContext, readEvent } from '../../../../drivers/netlink/events.ts';
import { Relevance } from '../../../../drivers/netlink/relevance.ts';
import { emptyScope } from '../../../../reconciler/contracts/scope.ts';
import type { Fdb, Neighbour } from '../../../../reconciler/kinds/index.ts';
import { bytesOf, macBytes, received, rt, type wire } from './oracle.ts';

const OWN = 4711;
const FLANNEL = 7;
const UPLINK = 2;
const OTHER = 9;
const MAC = '02:aa:00:00:00:22';

const INTEREST = { networks: ['10.5.0.0/16'], devices: ['flannel.1'], uplink: 'eth0', files: [] };
const context = (): EventContext => ({
  relevance: new Relevance(INTEREST),
  names: new Map([
    [UPLINK, 'eth0'],
    [FLANNEL, 'flannel.1'],
    [OTHER, 'docker0'],
  ]),
  ownPortId: OWN,
  echoes: new Echoes(),
});

/** Link names and ids that the message leads to. */
function look(message: ReturnType<typeof received>, where = context()): string[] {
  const scope = emptyScope();
  readEvent(message, where, scope);
  assert.equal(scope.all || scope.kinds.size > 0 || scope.peers.size > 0, false);
  return [...scope.links, ...scope.ids, ...scope.companions];
}

const neighbour = (type: number, data: object, attrs: object, port = 0) =>
  received(
    type,
    (out) =>
      rt.formatNeighborMessage(
        { kind: 'neighbor', data: { family: 2, ifindex: FLANNEL, state: { permanent: true }, ...data }, attrs },
        out,
      ),
    0,
    port,
  );
const arp = (type: number, ifindex: number, port = 0) =>
  neighbour(type, { ifindex }, { dst: bytesOf('10.5.34.0'), lladdr: macBytes(MAC) }, port);
const fdb = (type: number, port = 0) =>
  neighbour(type, { family: 7, flags: { self: true } }, { lladdr: macBytes(MAC), dst: bytesOf('192.0.2.9') }, port);
const route = (type: number, data: object, attrs: object, port = 0) =>
  received(
    type,
    (out) =>
      rt.formatRouteMessage(
        {
          kind: 'route',
          data: { family: 2, dstLen: 24, table: 254, type: 'UNICAST', ...data },
          attrs: { dst: bytesOf('10.5.34.0'), oif: OTHER, ...attrs },
        },
        out,
      ),
    0,
    port,
  );
const link = (type: number, index: number, ifname: string, family = 0) =>
  received(
    type,
    (out) => rt.formatLinkMessage({ kind: 'link', data: { index, family }, attrs: { ifname } }, out),
    0,
    OWN,
  );

test('while there is no uplink any link or address may make one; a default route always may', () => {
  const toDefault = route(c.RTM_NEWROUTE, { dstLen: 0 }, { dst: undefined });
  assert.deepEqual(look(toDefault), ['eth0']);
  assert.deepEqual(look(link(c.RTM_NEWLINK, OTHER, 'docker0')), []);
  const interest = { networks: ['10.5.0.0/16'], devices: [], files: [] };
  const without = () => ({ ...context(), relevance: new Relevance({ ...interest, uplink: '' }) });
  assert.deepEqual(look(toDefault, without()), ['']);
  assert.deepEqual(look(link(c.RTM_NEWLINK, OTHER, 'docker0'), without()), ['docker0']);
});

test('a link counts that something in our way is on', () => {
  const interest = {
    networks: ['10.5.0.0/16'],
    devices: ['flannel.1'],
    uplink: 'eth0',
    files: [],
    inTheWay: ['docker0'],
  };
  const where = { ...context(), relevance: new Relevance(interest) };
  assert.deepEqual(look(link(c.RTM_DELLINK, OTHER, 'docker0'), where), ['docker0']);
});

test('Docker’s bridge and its address are about Docker, and nothing under it is', () => {
  const ofCompanions = new Map([['docker0', ['docker'] as const]]);
  const interest = { networks: ['10.5.0.0/16'], devices: ['flannel.1'], uplink: 'eth0', files: [], ofCompanions };
  const where = () => {
    const made = { ...context(), relevance: new Relevance(interest) };
    made.names.set(OTHER, 'docker0');
    return made;
  };
  const address = (port = 0) =>
    received(
      c.RTM_DELADDR,
      (out) =>
        rt.formatAddressMessage(
          {
            kind: 'address',
            data: { family: 2, prefixlen: 24, index: OTHER },
            attrs: { local: bytesOf('10.5.9.1') },
          } as never,
          out,
        ),
      0,
      port,
    );
  assert.deepEqual(look(link(c.RTM_NEWLINK, OTHER, 'docker0'), where()), ['docker']);
  assert.deepEqual(look(link(c.RTM_DELLINK, OTHER, 'docker0'), where()), ['docker']);
  assert.deepEqual(look(link(c.RTM_NEWLINK, OTHER, 'renamed'), where()), ['docker']);
  assert.deepEqual(look(address(), where()), ['docker']);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, OTHER), where()), []);
  // Unless it is asked for.
  assert.deepEqual(look(address()), []);
});

test('neighbours count on our devices only', () => {
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL)), ['neighbour flannel.1|10.5.34.0']);
  assert.deepEqual(look(arp(c.RTM_DELNEIGH, FLANNEL)), ['neighbour flannel.1|10.5.34.0']);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, UPLINK)), []);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, OTHER)), []);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, 99)), []);
});

test('FDB entries count if they are vxlan’s own', () => {
  assert.deepEqual(look(fdb(c.RTM_NEWNEIGH)), [`fdb flannel.1|${MAC}`]);
  assert.deepEqual(look(fdb(c.RTM_DELNEIGH)), [`fdb flannel.1|${MAC}`]);
});

test('a route without a gateway says what is on the link of the uplink; of another device it is none of ours', () => {
  const toLink = (parts: object, attrs: object = {}) =>
    route(c.RTM_NEWROUTE, { scope: 'LINK', ...parts }, { dst: bytesOf('192.0.2.0'), oif: UPLINK, ...attrs });
  assert.deepEqual(look(toLink({})), ['eth0']);
  assert.deepEqual(look(toLink({}, { oif: OTHER })), []);
  assert.deepEqual(look(toLink({ table: 100 })), []);
  assert.deepEqual(look(toLink({ scope: 'UNIVERSE' }, { gateway: bytesOf('192.0.2.1') })), []);
});

test('routes count in table main, inside the networks or through our devices', () => {
  const id = 'route 254|10.5.34.0/24|0|0';
  assert.deepEqual(look(route(c.RTM_NEWROUTE, {}, {})), [id]);
  assert.deepEqual(look(route(c.RTM_DELROUTE, {}, {})), [id]);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, { table: 100 }, {})), []);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, {}, { table: 1000 })), []);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, {}, { dst: bytesOf('10.6.34.0') })), []);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, {}, { dst: bytesOf('10.6.34.0'), oif: FLANNEL })), [
    'route 254|10.6.34.0/24|0|0',
  ]);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, { tos: 16 }, { priority: 7 })), ['route 254|10.5.34.0/24|16|7']);
});

test('nexthop objects count by their id', () => {
  const nexthop = (id: number) =>
    received(c.RTM_DELNEXTHOP, (out) =>
      rt.formatNextHopMessage({ kind: 'nextHop', data: { family: 2 }, attrs: { id, oif: OTHER } } as never, out),
    );
  assert.deepEqual(look(nexthop(0x0a052200)), ['nexthop 168108544']);
  assert.deepEqual(look(nexthop(5)), []);
});

test('addresses make their link suspect, on our devices and the uplink, also those that we changed', () => {
  const address = (index: number, port = 0) => {
    const attrs = { local: bytesOf('10.1.1.1') };
    const write = (out: wire.AttrStream) =>
      rt.formatAddressMessage({ kind: 'address', data: { family: 2, index }, attrs }, out);
    return received(c.RTM_DELADDR, write, 0, port);
  };
  assert.deepEqual(look(address(FLANNEL)), ['flannel.1']);
  assert.deepEqual(look(address(FLANNEL, OWN)), ['flannel.1']);
  assert.deepEqual(look(address(UPLINK)), ['eth0']);
  assert.deepEqual(look(address(OTHER)), []);
});

test('links count whoever caused it, bridge ports do not', () => {
  assert.deepEqual(look(link(c.RTM_NEWLINK, FLANNEL, 'flannel.1')), ['flannel.1']);
  assert.deepEqual(look(link(c.RTM_DELLINK, FLANNEL, 'flannel.1')), ['flannel.1']);
  assert.deepEqual(look(link(c.RTM_NEWLINK, UPLINK, 'eth0')), ['eth0']);
  assert.deepEqual(look(link(c.RTM_NEWLINK, 11, 'flannel.99')), ['flannel.99']);
  assert.deepEqual(look(link(c.RTM_NEWLINK, OTHER, 'docker0')), []);
  assert.deepEqual(look(link(c.RTM_DELLINK, FLANNEL, 'flannel.1', 7)), []);
});

test('a device that is renamed is suspect under both names, and known by the new one', () => {
  const where = context();
  assert.deepEqual(look(link(c.RTM_NEWLINK, FLANNEL, 'old0'), where), ['flannel.1']);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL), where), []);
  assert.deepEqual(look(link(c.RTM_NEWLINK, FLANNEL, 'flannel.1'), where), ['flannel.1']);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL), where), ['neighbour flannel.1|10.5.34.0']);
});

test('a new device is known from its event on', () => {
  const where = context();
  where.names.delete(FLANNEL);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL), where), []);
  look(link(c.RTM_NEWLINK, FLANNEL, 'flannel.1'), where);
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL), where), ['neighbour flannel.1|10.5.34.0']);
});

test('what our own socket did is passed over, other processes’ doings are not', () => {
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL, OWN)), []);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, {}, {}, OWN)), []);
  assert.deepEqual(look(route(c.RTM_NEWROUTE, {}, {}, OWN + 1)).length, 1);
  const unopened = { ...context(), ownPortId: 0 };
  assert.deepEqual(look(arp(c.RTM_NEWNEIGH, FLANNEL, 0), unopened).length, 1);
});

/** struct netconfmsg, then attributes of four bytes. */
const netconf = (attrs: Record<number, number>, family = 2) =>
  received(c.RTM_NEWNETCONF, (out) => {
    const words = Object.entries(attrs).flatMap(([type, value]) => [8 | (Number(type) << 16), value]);
    out.bufs.push(Buffer.from(Int32Array.of(family, ...words).buffer));
  });

test('forwarding or the reverse path filter that is switched leads to its interface, and nowhere below', () => {
  const { NETCONFA_FORWARDING, NETCONFA_IFINDEX, NETCONFA_RP_FILTER } = c;
  for (const field of [NETCONFA_FORWARDING, NETCONFA_RP_FILTER])
    assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: FLANNEL, [field]: 0 })), ['link flannel.1']);
  assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: UPLINK, [NETCONFA_FORWARDING]: 0 })), ['link eth0']);
  assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: -1, [NETCONFA_FORWARDING]: 0 })), [
    'link flannel.1',
    'link eth0',
  ]);
  assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: OTHER, [NETCONFA_FORWARDING]: 0 })), []);
  assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: FLANNEL, 9: 0 })), [], 'another setting');
  assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: FLANNEL, [NETCONFA_FORWARDING]: 0 }, 10)), [], 'of IPv6');
  const bridged = { ...context(), relevance: new Relevance({ ...INTEREST, inTheWay: ['docker0'] }) };
  assert.deepEqual(look(netconf({ [NETCONFA_IFINDEX]: OTHER, [NETCONFA_FORWARDING]: 0 }), bridged), ['link docker0']);
});

test('echoes that the kernel does not stamp are expected once, and no longer than the queue lasts', () => {
  const where = context();
  const entry: Fdb = { kind: 'fdb', dev: 'flannel.1', mac: MAC, dst: '192.0.2.9', permanent: true, plain: true };
  const neigh: Neighbour = {
    kind: 'neighbour',
    dev: 'flannel.1',
    ip: '10.5.34.0',
    mac: MAC,
    permanent: true,
    protocol: 115,
  };
  where.echoes.expect('create', entry, FLANNEL);
  assert.deepEqual(look(fdb(c.RTM_DELNEIGH), where).length, 1); // a delete is not what we did
  assert.deepEqual(look(fdb(c.RTM_NEWNEIGH), where), []);
  assert.deepEqual(look(fdb(c.RTM_NEWNEIGH), where).length, 1); // the second one is somebody else's
  where.echoes.expect('delete', neigh, FLANNEL);
  assert.deepEqual(look(arp(c.RTM_DELNEIGH, FLANNEL), where), []);
  where.echoes.expect('delete', neigh, FLANNEL);
  where.echoes.expect('delete', neigh, FLANNEL);
  where.echoes.clear();
  assert.deepEqual(look(arp(c.RTM_DELNEIGH, FLANNEL), where).length, 1);
});
