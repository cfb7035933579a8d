import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { METRICS, ROUND_DURATION } from '../../../drivers/metrics/list.ts';

const folder = fileURLToPath(new URL('../../../packaging/prometheus', import.meta.url));
const read = (name: string) => readFileSync(`${folder}/${name}`, 'utf8');
const promtool = (...args: string[]) => {
  const { stdout, stderr, status, error } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  return { status, said: stdout + stderr };
};

test('the alert rules are rules, and fire when they should', () => {
  const check = promtool('check', 'rules', 'selvage.rules.yml');
  assert.equal(check.status, 0, check.said);
  const run = promtool('test', 'rules', 'selvage.test.yml');
  assert.equal(run.status, 0, run.said);
});

test('each alert has a test, and what rules and dashboard ask for is a metric that there is', () => {
  const rules = read('selvage.rules.yml');
  for (const [, alert] of rules.matchAll(/alert: (\w+)/g))
    assert.ok(read('selvage.test.yml').includes(`alertname: ${alert}`), alert);
  const names = new Set(METRICS.map(({ name }) => name));
  for (const suffix of ['bucket', 'sum', 'count']) names.add(`${ROUND_DURATION.name}_${suffix}`);
  const asked = [...`${rules}${read('selvage-dashboard.json')}`.matchAll(/\bselvage_\w+/g)].map(([name]) => name);
  assert.ok(asked.length > 20);
  for (const name of asked) assert.ok(names.has(name), name);
});
