import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeldEntry } from '../../../reconciler/contracts/report.ts';
import { everything, type Scope, scopeOf } from '../../../reconciler/contracts/scope.ts';
import { splitId, type Want } from '../../../reconciler/kinds/index.ts';
import { HeldMemory } from '../../../states/held-memory.ts';
import { instanceOf, overlayOf, peersOf, wantsOf } from '../../helpers/wants.ts';

const WANTS: ReadonlyMap<string, Want> = wantsOf(
  overlayOf({ instance: instanceOf('/coreos.com/network', '10.5.0.0/16'), peers: peersOf(3) }),
);
const ROUTE = 'route 254|10.5.2.0/24|0|0';
const STALE_FDB = 'fdb flannel.1|02:00:00:00:99:99';

const hold = (id: string, why = 'foreign', detail = id): HeldEntry => ({ ...splitId(id), why, detail, unmet: true });

function remembering(...ids: string[]): HeldMemory {
  const memory = new HeldMemory();
  memory.replace(
    everything(),
    ids.map((id) => hold(id)),
    WANTS,
  );
  return memory;
}
const left = (memory: HeldMemory): string[] => memory.entries.map(({ kind, key }) => `${kind} ${key}`);

describe('what rounds hold', () => {
  const ids = [ROUTE, 'link flannel.1', STALE_FDB, 'link flannel.9'];

  for (const [name, scope, stays] of [
    ['everything', everything(), []],
    ['one id', scopeOf({ ids: [ROUTE] }), ['link flannel.1', STALE_FDB, 'link flannel.9']],
    ['another id', scopeOf({ ids: ['route 254|10.5.3.0/24|0|0'] }), ids],
    ['a kind', scopeOf({ kinds: ['link'] }), [ROUTE, STALE_FDB]],
    ['a link', scopeOf({ links: ['flannel.1'] }), ['link flannel.9']],
    ['another link', scopeOf({ links: ['flannel.9'] }), [ROUTE, 'link flannel.1', STALE_FDB]],
    ['nothing', scopeOf({}), ids],
  ] as [string, Scope, string[]][]) {
    it(`is forgotten by a round of ${name} that holds it no more, and only there`, () => {
      const memory = remembering(...ids);
      memory.replace(scope, [], WANTS);
      assert.deepEqual(left(memory), stays);
    });
  }

  it('is said by the newest round that found it', () => {
    const memory = remembering(ROUTE);
    memory.replace(scopeOf({ ids: ['file /x'] }), [hold(ROUTE, 'foreign', 'newer'), hold(ROUTE, 'contested')], WANTS);
    assert.deepEqual(
      memory.entries.map(({ why, detail }) => [why, detail]),
      [
        ['foreign', 'newer'],
        ['contested', ROUTE],
      ],
    );
  });

  it('names the devices of others that it is about, for as long as it is held', () => {
    const memory = new HeldMemory();
    memory.replace(everything(), [hold(ROUTE)], WANTS, new Map([[ROUTE, 'docker0']]));
    memory.replace(scopeOf({ links: ['flannel.9'] }), [], WANTS);
    assert.deepEqual(memory.devices, ['docker0']);
    memory.replace(scopeOf({ ids: [ROUTE] }), [], WANTS);
    assert.deepEqual(memory.devices, []);
  });
});
