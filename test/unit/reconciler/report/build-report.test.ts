import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, UsageError } from '../../../../config/errors.ts';
import type { Change, Outcome } from '../../../../reconciler/contracts/driver.ts';
import { StoreError } from '../../../../reconciler/contracts/source.ts';
import { idOf, type Want } from '../../../../reconciler/kinds/index.ts';
import { buildReport, joinReports, type ReportInput } from '../../../../reconciler/report/build-report.ts';
import { exitCodeOf } from '../../../../reconciler/report/exit-code.ts';
import { inputOf, linkUpdate, peerChanges } from '../../../helpers/report.ts';

const report = (parts: Partial<ReportInput> = {}) => buildReport(inputOf(parts));
const outcome = (change: Change, result: Outcome['result']): Outcome => ({
  change,
  result,
  failure: result === 'failed' ? { kind: 'denied', code: 'EPERM', message: 'No.' } : undefined,
});

describe('buildReport', () => {
  it('lists drift as it would be repaired, whatever order it was found in', () => {
    const changes = [
      ...peerChanges('create', 10),
      ...peerChanges('create', 9),
      ...peerChanges('delete', 8),
      linkUpdate,
    ];
    const expected = [
      'update link flannel.1',
      'create neighbour flannel.1|10.5.9.0',
      'create neighbour flannel.1|10.5.10.0',
      'create route 254|10.5.9.0/24|0|0',
      'create route 254|10.5.10.0/24|0|0',
      'delete route 254|10.5.8.0/24|0|0',
      'delete neighbour flannel.1|10.5.8.0',
    ];
    for (const order of [changes, changes.toReversed()]) {
      assert.deepEqual(
        report({ changes: order }).drift.map(({ op, kind, key }) => `${op} ${kind} ${key}`),
        expected,
      );
    }
  });

  it('says of an update what differs, and of others all but their kind', () => {
    const [update, create, remove] = report({
      changes: [linkUpdate, peerChanges('create', 9)[0]!, peerChanges('delete', 8)[0]!],
    }).drift;
    const { op, kind, key, fields, want, have } = update!;
    assert.deepEqual([op, kind, key], ['update', 'link', 'flannel.1']);
    assert.deepEqual(
      [fields, want, have],
      [['mtu', 'vxlan.local'], { mtu: 1450, 'vxlan.local': '192.0.2.1' }, { mtu: 1400, 'vxlan.local': '' }],
    );
    assert.deepEqual(Object.keys(create!.want as object), ['dev', 'ip', 'mac', 'permanent', 'protocol']);
    assert.ok(!('have' in create!) && !('want' in remove!) && remove?.have);
  });

  it('puts the lease before what hangs on it', () => {
    const lease = { op: 'create', kind: 'lease', key: '/x/subnets/10.5.34.0-24', reason: 'no lease' } as const;
    const { drift, summary } = report({ changes: [linkUpdate], otherDrift: [lease] });
    assert.deepEqual([drift[0], summary.create, summary.update], [{ ...lease, text: lease.key }, 1, 1]);
  });

  it('sorts what is held', () => {
    const entry = (kind: 'peer' | 'lease', key: string) => ({ kind, key, why: 'x', detail: 'x.', unmet: false });
    const held = [entry('peer', '10.5.10.0/24'), entry('lease', 'z'), entry('peer', '10.5.9.0/24')];
    assert.deepEqual(
      report({ held }).held.map(({ key }) => key),
      ['z', '10.5.9.0/24', '10.5.10.0/24'],
    );
  });

  it('has one time and no more', () => {
    assert.equal(report({ at: Date.UTC(2024, 4, 6, 7, 8, 9) }).at, '2024-05-06T07:08:09.000Z');
  });

  const changes = peerChanges('create', 9);
  const unmet = { kind: 'peer', key: 'x', why: 'x', detail: 'x.', unmet: true } as const;
  const incomplete = { kind: 'cache', revision: '7', complete: false, leases: 1 };
  for (const [name, parts, converged, code] of [
    ['in sync', {}, true, 0],
    ['repaired', { changes, outcomes: changes.map((one) => outcome(one, 'done')) }, true, 0],
    ['repaired by another', { changes, outcomes: changes.map((one) => outcome(one, 'noop')) }, true, 0],
    ['not repaired', { changes, outcomes: [outcome(changes[0]!, 'failed')] }, false, 1],
    ['blocked', { changes, outcomes: [outcome(changes[0]!, 'blocked')] }, false, 1],
    ['unmet', { held: [unmet] }, false, 1],
    ['held, but with all it wants', { held: [{ ...unmet, unmet: false }] }, true, 0],
    ['not complete', { source: incomplete }, false, 1],
    ['a drift report in sync', { mode: 'drift' }, true, 0],
    ['a drift report with drift', { mode: 'drift', changes }, false, 2],
    ['a drift report with drift and unmet', { mode: 'drift', changes, held: [unmet] }, false, 2],
    ['a drift report with unmet', { mode: 'drift', held: [unmet] }, false, 1],
  ] satisfies [string, Partial<ReportInput>, boolean, number][]) {
    it(`knows converged, and the exit code: ${name}`, () => {
      const built = report(parts);
      assert.deepEqual([built.converged, exitCodeOf(built)], [converged, code]);
    });
  }

  it('tells failures with their sentence', () => {
    const { outcomes, summary } = report({
      changes,
      outcomes: [outcome(changes[0]!, 'failed'), outcome(changes[1]!, 'blocked')],
    });
    assert.deepEqual(outcomes[0], {
      kind: 'neighbour',
      key: 'flannel.1|10.5.9.0',
      op: 'create',
      result: 'failed',
      error: 'No.',
    });
    assert.deepEqual(Object.keys(outcomes[1]!), ['kind', 'key', 'op', 'result']);
    assert.equal(summary.failed, 1);
  });

  it('names things as their ids do', () => {
    const wants: Want[] = changes.flatMap((change) => (change.op === 'create' ? [change.want] : []));
    const { drift } = report({ changes });
    assert.deepEqual(
      drift.map(({ kind, key }) => `${kind} ${key}`),
      wants.map(idOf),
    );
  });
});

describe('exitCodeOf an error', () => {
  for (const [error, code] of [
    [new StoreError('unavailable', 'x'), 69],
    [new StoreError('denied', 'x'), 77],
    [new StoreError('invalid', 'x'), 78],
    [new UsageError('x'), 64],
    [new ConfigError('', 'x'), 78],
    [Object.assign(new Error('x'), { code: 'EPERM' }), 77],
    [Object.assign(new Error('x'), { code: 'EACCES' }), 77],
    [Object.assign(new Error('x'), { code: 'ENOENT' }), 1],
    [new Error('x'), 1],
  ] as const) {
    it(`is ${code} for ${error.name} ${'code' in error ? error.code : ''}${'kind' in error ? error.kind : ''}`, () =>
      assert.equal(exitCodeOf(error), code));
  }
});

describe('Docker in a report', () => {
  const path = '/etc/docker/daemon.json';
  const file = { kind: 'file' as const, path, content: '{"password":"hunter2","mtu":1450}', mode: 0o644 };
  const edit = { of: '{"password":"hunter2"}', want: { mtu: 1450 }, have: { mtu: undefined } };
  const want: Want = { ...file, edit };

  it('of an edited file only the values that change are shown, never its text', () => {
    const have: Want = { ...file, content: edit.of };
    const update: Change = {
      op: 'update',
      id: `file ${path}`,
      reason: 'x',
      want,
      have,
      fields: ['mtu'],
      recreate: false,
    };
    const create: Change = { op: 'create', id: `file ${path}`, reason: 'missing', want };
    const { drift } = buildReport(inputOf({ changes: [update, create] }));
    assert.deepEqual(
      drift.map((entry) => [entry.op, entry.fields, entry.want, entry.have]),
      [
        ['update', ['mtu'], { mtu: 1450 }, { mtu: undefined }],
        ['create', undefined, { mtu: 1450 }, undefined],
      ],
    );
    assert.ok(!JSON.stringify(drift).includes('hunter2'));
  });

  it('a run in two rounds is one report: what was found first, what was done in both, what is so in the end', () => {
    const docker = { op: 'update', kind: 'docker', key: 'docker0', reason: 'differs: address' } as const;
    const made = { kind: 'docker', key: 'docker0', op: 'update', result: 'done' } as const;
    const due = { kind: 'docker', key: 'docker0', why: 'being restarted', detail: 'x', unmet: true } as const;
    const first = buildReport(inputOf({ at: 1000, durationMs: 20, otherDrift: [docker], held: [due] }));
    const second = buildReport(inputOf({ at: 3000, durationMs: 5, otherOutcomes: [made] }));
    const joined = joinReports(first, second);
    assert.deepEqual([joined.drift, joined.outcomes, joined.held], [[{ ...docker, text: 'docker0' }], [made], []]);
    assert.deepEqual([joined.at, joined.durationMs, joined.converged], [first.at, 2005, true]);
    assert.deepEqual(joined.summary, { create: 0, update: 1, delete: 0, held: 0, failed: 0 });
    const failed = buildReport(
      inputOf({ otherDrift: [docker], otherOutcomes: [{ ...made, result: 'failed', error: 'x' }] }),
    );
    const tried = joinReports(first, failed);
    assert.deepEqual(
      [tried.drift, tried.converged, tried.summary.failed],
      [[{ ...docker, text: 'docker0' }], false, 1],
    );
  });
});

describe('exitCodeOf the report of a host that works from its last good copy', () => {
  const from = (kind: 'unavailable' | 'denied' | 'invalid', failed: number) =>
    exitCodeOf({
      ...report({ changes: [] }),
      source: { kind: 'cache', revision: '7', complete: false, leases: 3, error: { kind, message: 'x' } },
      summary: { create: 0, update: 0, delete: 0, held: 0, failed },
      converged: false,
    });

  it('is why the store could not be asked', () => {
    assert.deepEqual([from('unavailable', 0), from('denied', 0), from('invalid', 0)], [69, 77, 78]);
  });

  it('is a failure if anything failed', () => assert.equal(from('denied', 1), 1));
});
