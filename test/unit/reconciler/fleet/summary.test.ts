import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { readSummary, summaryOf } from '../../../../reconciler/fleet/summary.ts';
import { statusWith } from '../../../helpers/status.ts';

const held = (key: string, parts: object = {}) =>
  ({
    kind: 'peer',
    key,
    text: key,
    why: 'unreachable',
    detail: `${key} does not answer.`,
    unmet: true,
    ...parts,
  }) as const;

describe('what a host says of itself', () => {
  it('is read as it was written', () => {
    const held7 = Array.from({ length: 7 }, (_, i) => held(`10.5.${i}.0/24`));
    const retry = { kind: 'route', key: 'k', why: 'Busy.', times: 1, nextAt: null };
    const status = statusWith({
      inSync: false,
      held: [...held7, held('x', { why: 'another', unmet: false })],
      retries: [retry],
    });
    const docker = {
      mode: 'report',
      engine: null,
      bridge: { name: 'docker0', address: '10.5.1.1/24', mtu: 1450, ipMasq: true },
    };
    const summary = summaryOf(status, { docker });
    assert.deepEqual([summary.inSync, summary.held, summary.unmet, summary.docker], [false, 8, 7, '10.5.1.1/24']);
    assert.deepEqual([summary.wrong.length, summary.unreachable.count, summary.unreachable.subnets.length], [5, 7, 5]);
    assert.deepEqual(readSummary(JSON.stringify(summary)), summary);
  });

  it('has nothing in it that changes on every host when one comes', () => {
    const { at: _, ...before } = summaryOf(statusWith(), undefined);
    const { at: __, ...after } = summaryOf(statusWith({ peers: [], line: '9 peers', rounds: [] }), undefined);
    assert.deepEqual(before, after);
  });

  it('of another version, or no summary at all, is not read; what it has is bounded and cleaned', () => {
    const good = summaryOf(statusWith(), undefined);
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '7',
      JSON.stringify({ ...good, version: 2 }),
      JSON.stringify({ ...good, inSync: 'yes' }),
      JSON.stringify({ ...good, at: 'x' }),
      'x'.repeat(20_000),
    ])
      assert.equal(readSummary(text), undefined, text.slice(0, 40));
    const hostile = {
      ...good,
      hostname: `a\u001b[31m${'b'.repeat(9000)}`,
      wrong: Array.from({ length: 50 }, () => 7),
      held: -3,
      unreachable: 'x',
      docker: 3,
      more: 1,
    };
    const read = readSummary(JSON.stringify(hostile));
    assert.ok(read && !read.hostname.includes('\u001b') && read.hostname.length < 500, read?.hostname);
    assert.deepEqual([read.wrong, read.held, read.unreachable, read.docker], [[], 0, { subnets: [], count: 0 }, null]);
  });

  it('whatever it is, reading never throws', () => {
    fc.assert(fc.property(fc.json(), (text) => void readSummary(text)));
    const any = fc.record({
      version: fc.constant(1),
      at: fc.constant('2026-01-01T00:00:00Z'),
      inSync: fc.boolean(),
      wrong: fc.anything(),
      unreachable: fc.anything(),
      hostname: fc.anything(),
    });
    fc.assert(fc.property(any, (value) => void readSummary(JSON.stringify(value))));
  });
});
