/** What a udp network wants on a host, and what its leases say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backendFor, pathOf } from '../../../../reconciler/backends/index.ts';
import { udpType } from '../../../../reconciler/backends/udp.ts';
import { idOf, type Link } from '../../../../reconciler/kinds/index.ts';
import { contextOf, peerOf } from '../../../helpers/desired.ts';

const CONFIG = '{"Network":"10.5.0.0/16"}';
const context = contextOf({ config: CONFIG });
const backend = backendFor(context.config)!;
const lease = (subnet: string, publicIP: string, backendType = '') => {
  const peer = peerOf(50);
  return { ...peer, subnet, attrs: { ...peer.attrs, publicIP, backendType, backendData: undefined } };
};

describe('udp', () => {
  it('is what a config without a Backend means', () => {
    assert.deepEqual([backend.type, backend.path, backend.mtu(context)], ['', 'udp', 1472]);
    assert.equal(backend.backendData(context, ''), undefined);
  });

  it('wants the device with its engine, its address, and the way of the network', () => {
    const wants = backend.device(context);
    assert.deepEqual(wants.map(idOf), ['link flannel0', 'address flannel0|10.5.34.0/32', 'route 254|10.5.0.0/16|0|0']);
    const [link] = wants as [Link];
    assert.deepEqual(link.tunnel, { type: 'tun', local: '192.168.64.3', port: 8285 });
    assert.deepEqual([link.mtu, link.up, link.rpFilter], [1472, true, 2]);
  });

  it('listens on the Port of the config', () => {
    const other = contextOf({ config: '{"Network":"10.5.0.0/16","Backend":{"Type":"UDP","Port":9000}}' });
    const [link] = backendFor(other.config)!.device(other) as [Link];
    assert.deepEqual(link.tunnel, { type: 'tun', local: '192.168.64.3', port: 9000 });
  });

  it('wants one entry of the table for a peer, which its subnet alone names', () => {
    const { wants } = backend.peer(context, lease('10.5.50.0/24', '192.168.64.9'));
    assert.deepEqual(wants, [{ kind: 'udp-peer', dev: 'flannel0', subnet: '10.5.50.0/24', host: '192.168.64.9' }]);
    assert.deepEqual(backend.idsOfSubnet(context, '10.5.50.0/24'), wants!.map(idOf));
  });

  it('takes leases of other backends too, and says so; not those of its own address or outside the network', () => {
    const other = backend.peer(context, lease('10.5.50.0/24', '192.168.64.9', 'vxlan'));
    assert.equal(other.wants?.length, 1);
    assert.match(other.wants ? (other.note?.detail ?? '') : '', /of the backend vxlan.*by udp/);
    assert.ok(backend.peer(context, lease('10.5.50.0/24', '192.168.64.3')).held);
    assert.ok(backend.peer(context, lease('10.9.50.0/24', '192.168.64.9')).held);
  });

  it('is the path of a lease without a BackendType, and seen by its device', () => {
    assert.equal(pathOf(lease('10.5.50.0/24', '192.168.64.9').attrs, [backend]), 'udp');
    const [link] = backend.device(context) as [Link];
    const [seen] = udpType.seenOn({ links: [link], directRoutes: [], directTypes: new Set() });
    assert.equal(seen?.path, 'udp');
    assert.deepEqual(udpType.seenOn({ links: [], directRoutes: [], directTypes: new Set() }), []);
  });
});
