import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeNetworkConfig } from '../../../../config/check-config.ts';
import { parseNetworkConfig } from '../../../../config/network.ts';
import { buildReport } from '../../../../reconciler/report/build-report.ts';
import { jsonSchemaOf } from '../../../../reconciler/report/schema.ts';
import { checkDocument } from '../../../helpers/documents.ts';
import { inputOf, linkUpdate, peerChanges } from '../../../helpers/report.ts';

const report = () =>
  buildReport(
    inputOf({
      changes: [linkUpdate, ...peerChanges('create', 3), ...peerChanges('delete', 4)],
      outcomes: [{ change: linkUpdate, result: 'failed', failure: { kind: 'bug', code: 'EIO', message: 'No.' } }],
      otherDrift: [
        { op: 'create', kind: 'lease', key: '/coreos.com/network/subnets/', reason: 'this host has no lease' },
      ],
      held: [{ kind: 'peer', key: '10.5.9.0/24', why: 'own MAC', detail: 'It has our MAC.', unmet: false }],
      peerOf: () => ({ subnet: '10.5.3.0/24', publicIP: '192.0.2.3' }),
      sections: { docker: { mode: 'report', engine: null, bridge: null } },
    }),
  );

describe('the schema', () => {
  it('takes a report with all that one may have', () => {
    checkDocument(JSON.stringify(report()));
  });

  it('refuses one that lacks a field, has another or another type of one', () => {
    const { converged: _, ...without } = report();
    const [first, ...rest] = report().drift;
    for (const wrong of [
      { ...without, converged: 'yes' },
      { ...report(), more: 1 },
      { ...report(), version: 2 },
      { ...report(), drift: [{ ...first, text: undefined }, ...rest] },
      { ...report(), drift: [{ ...first, kind: 'weather' }, ...rest] },
    ])
      assert.throws(() => checkDocument(JSON.stringify(wrong)), /not as its schema says/);
  });

  it('takes what check-config answers, with IPv6 and without', () => {
    for (const config of [
      { Network: '10.5.0.0/16' },
      { Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fc00:5::/48', Backend: { Type: 'vxlan' } },
    ])
      checkDocument(JSON.stringify(describeNetworkConfig(parseNetworkConfig(JSON.stringify(config)))));
  });

  it('is a JSON Schema that requires what is always there', () => {
    const schema = JSON.parse(jsonSchemaOf('report')) as { $schema: string; required: string[] };
    assert.match(schema.$schema, /2020-12/);
    assert.deepEqual([schema.required.includes('drift'), schema.required.includes('docker')], [true, false]);
  });
});
