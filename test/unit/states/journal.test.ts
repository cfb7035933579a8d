import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Change } from '../../../reconciler/contracts/driver.ts';
import type { HeldEntry, Report } from '../../../reconciler/contracts/report.ts';
import { StoreError } from '../../../reconciler/contracts/source.ts';
import { type FirewallPart, idOf } from '../../../reconciler/kinds/index.ts';
import { buildReport } from '../../../reconciler/report/build-report.ts';
import { Journal } from '../../../states/journal.ts';
import { inputOf, linkUpdate, peerChanges } from '../../helpers/report.ts';

function open(mode: Report['mode'] = 'run') {
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const said = (level: string): string[] => lines.filter((line) => line.level === level).map(({ message }) => message);
  return { journal: new Journal(log, mode), lines, said };
}

const hold = (key: string, detail = `${key} is held.`): HeldEntry => ({
  kind: 'route',
  key,
  why: 'foreign route',
  detail,
  unmet: true,
});

describe('holds', () => {
  it('are said once, again when they say something else, and when they are over', () => {
    const { journal, said } = open();
    journal.holds([hold('a'), hold('b')]);
    journal.holds([hold('a'), hold('b')]);
    assert.deepEqual(said('warn'), ['a is held.', 'b is held.']);
    journal.holds([hold('a', 'a is held by another.'), hold('b')]);
    assert.deepEqual(said('warn').slice(2), ['a is held by another.']);
    journal.holds([hold('b')]);
    assert.deepEqual(said('info'), ['No longer held: route a foreign route.']);
    journal.holds([hold('a'), hold('b')]);
    assert.deepEqual(said('warn').slice(3), ['a is held.']);
  });

  it('are not said again for numbers that tick', () => {
    const { journal, said } = open();
    for (const detail of [
      'Busy; tried once, again in 0.2 s.',
      'Busy; tried 2 times, again in 0.4 s.',
      'Busy; tried 3 times, again in 12.0 s.',
    ])
      journal.holds([hold('a', detail)]);
    for (const n of [3, 2, 1]) journal.holds([hold('b', `It lacks ${n} ${n === 1 ? 'lease' : 'leases'}.`)]);
    assert.equal(said('warn').filter((line) => line.startsWith('It lacks')).length, 1);
    assert.ok(said('warn').length <= 3);
  });

  it('of ten thousand things are counted', () => {
    const { journal, said } = open();
    const many = Array.from({ length: 10_000 }, (_, i) => hold(String(i)));
    journal.holds(many);
    assert.equal(said('warn').length, 21);
    assert.match(said('warn').at(-1)!, /^9980 more things are held/);
    journal.holds(many);
    assert.equal(said('warn').length, 21);
    journal.holds([]);
    assert.ok(said('info').length <= 21);
  });
});

describe('failures', () => {
  it('are said once for each region, until it has recovered', () => {
    const { journal, said } = open();
    const [store, lease] = [new StoreError('unavailable', 'No store.'), new StoreError('unavailable', 'No lease.')];
    for (let i = 0; i < 5; i++) {
      journal.failure('store', store);
      journal.failure('lease', lease);
    }
    assert.deepEqual(said('warn'), ['No store.', 'No lease.']);
    journal.recovered('store');
    journal.failure('store', store);
    journal.failure('lease', lease);
    assert.deepEqual(said('warn').slice(2), ['No store.']);
  });

  it('that nobody expects come with where they happened', () => {
    const { journal, lines } = open();
    journal.failure('store', new StoreError('unavailable', 'No store.'));
    journal.failure('work', new TypeError('x is not a function'));
    assert.deepEqual(lines[0]?.fields, {});
    assert.match(JSON.stringify(lines[1]?.fields), /TypeError.*journal\.test/);
    journal.failure('work', 'a mere text');
    assert.equal(lines[2]?.message, 'a mere text');
  });
});

describe('a round', () => {
  it('that changed nothing is no line for a person', () => {
    const { journal, lines } = open();
    journal.report(buildReport(inputOf()), 'everything');
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['debug'],
    );
    assert.ok(journal.lastReport);
  });

  it('that changed something is one line that says what', () => {
    const { journal, said } = open();
    journal.report(
      buildReport(inputOf({ changes: [linkUpdate], outcomes: [{ change: linkUpdate, result: 'done' }] })),
      'x',
    );
    assert.deepEqual(said('info'), [
      'link flannel.1 type vxlan id 1 local 192.0.2.1 dev eth0 dstport 8472: mtu, local address differ; put right in 12 ms.',
    ]);
    const changes = [...peerChanges('create', 3), ...peerChanges('create', 4), ...peerChanges('delete', 5)];
    journal.report(buildReport(inputOf({ changes })), 'x');
    assert.match(
      said('info')[1]!,
      /^2 ARP entries: missing, 2 routes: missing, route 10\.5\.5\.0.*: not wanted, neighbour .*; all repaired in 12 ms\.$/,
    );
  });

  it('of a chain of the firewall names it, and leaves its rules to the report', () => {
    const { journal, said } = open();
    const want: FirewallPart = {
      kind: 'firewall',
      part: 'chain',
      engine: 'nft',
      family: 'ip',
      table: 'filter',
      tag: 'selvage',
      chain: 'SELVAGE-FWD',
      rules: [{ in: { name: 'flannel.1' }, verdict: { to: 'accept' } }],
    };
    const change: Change = { op: 'create', id: idOf(want), reason: 'missing', want };
    journal.report(buildReport(inputOf({ changes: [change], outcomes: [{ change, result: 'done' }] })), 'x');
    assert.deepEqual(said('info'), ['firewall nft ip filter SELVAGE-FWD: missing; made again in 12 ms.']);
  });

  it('of 4,096 lost routes is one line', () => {
    const { journal, lines } = open();
    const changes = Array.from({ length: 4096 }, (_, i) => peerChanges('create', i + 2)[1]!);
    const outcomes = changes.map((change) => ({ change, result: 'done' as const }));
    journal.report(buildReport(inputOf({ changes, outcomes })), 'x');
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['4,096 routes: missing; all made again in 12 ms.'],
    );
  });

  it('of many changes carries the first of them', () => {
    const { journal, lines } = open();
    const changes = Array.from({ length: 200 }, (_, i) => peerChanges('create', i + 2)).flat();
    const outcomes = changes.map((change) => ({
      change,
      result: 'failed' as const,
      failure: { kind: 'denied', code: 'EPERM', message: 'Not permitted.' } as const,
    }));
    journal.report(buildReport(inputOf({ changes, outcomes })), 'everything');
    const round = lines.find(({ level }) => level === 'info')?.fields as { round: { drift: unknown[] } };
    assert.equal(round.round.drift.length, 20);
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 21);
  });

  it('of a single run is kept and not said', () => {
    const { journal, lines } = open('drift');
    journal.report(buildReport(inputOf({ mode: 'drift', changes: [linkUpdate], held: [hold('a')] })), 'everything');
    assert.deepEqual(lines, []);
    assert.equal(journal.lastReport?.mode, 'drift');
  });
});
