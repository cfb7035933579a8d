import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything, scopeOf } from '../../../../reconciler/contracts/scope.ts';
import { kindsThat } from '../../../../reconciler/kinds/index.ts';
import { closeScope } from '../../../../reconciler/plan/close-scope.ts';

test('a device is looked at with all under it, and with all routes: theirs may be elsewhere now', () => {
  const closed = closeScope(scopeOf({ ids: ['link flannel.1'] }));
  assert.deepEqual([...closed.links], ['flannel.1']);
  assert.deepEqual([...closed.kinds].sort(), ['nexthop', 'route']);
});

test('routes and nexthop objects are looked at together, and links with what is under them', () => {
  assert.deepEqual([...closeScope(scopeOf({ kinds: ['nexthop'] })).kinds].sort(), ['nexthop', 'route']);
  const underLinks = kindsThat((rules) => rules.isUnderLink);
  assert.deepEqual([...closeScope(scopeOf({ kinds: ['link'] })).kinds].sort(), ['link', ...underLinks].sort());
  assert.deepEqual([...closeScope(scopeOf({ kinds: ['fdb'] })).kinds], ['fdb']);
  assert.deepEqual(closeScope(everything()), everything());
});

test('the given scope is left as it is', () => {
  const scope = scopeOf({ ids: ['link flannel.1'] });
  closeScope(scope);
  assert.deepEqual(scope, scopeOf({ ids: ['link flannel.1'] }));
});
