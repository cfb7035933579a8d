import assert from 'node:assert/strict';
import { it } from 'node:test';
import { backendFor } from '../../../reconciler/backends/index.ts';
import type { Host } from '../../../reconciler/contracts/host.ts';
import type { Source } from '../../../reconciler/contracts/source.ts';
import { Mirror } from '../../../reconciler/store/mirror.ts';
import { OwnValue, type Way } from '../../../states/own-value.ts';

it('is written in the form of the API that was found, also if that was not known at the start', () => {
  const mirror = new Mirror('/coreos.com/network');
  const key = '/coreos.com/network/config';
  const value = '{"Network":"10.5.0.0/16","Backend":{"Type":"host-gw"}}';
  const record = { key, value, modRevision: 1, createRevision: 1, leaseId: '0' };
  mirror.applySnapshot({ clusterId: '1', revision: 1, config: record, leases: [] }, 0);
  const config = mirror.config!;
  const way: Way = { config, host: { publicIP: '192.168.64.2' } as Host, backend: backendFor(config)! };
  const source: { leaseForm: Source['leaseForm'] } = { leaseForm: 'v3' };
  const own = new OwnValue(mirror, source);
  assert.equal(
    own.textFor(way, undefined, []),
    '{"PublicIP":"192.168.64.2","PublicIPv6":null,"BackendType":"host-gw"}',
  );
  source.leaseForm = 'v2';
  assert.equal(own.textFor(way, undefined, []), '{"PublicIP":"192.168.64.2","BackendType":"host-gw"}');
});
