/** Owns how the lab tests ask selvage doctor, and what breaks a host on purpose. */
import assert from 'node:assert/strict';
import type { Level } from '../../reconciler/doctor/check.ts';
import type { DoctorDocument } from '../../reconciler/doctor/document.ts';
import type { LabHost, RunOptions } from './lab.ts';

export interface Asked {
  code: number;
  document: DoctorDocument;
  stderr: string;
}

export async function askDoctor(host: LabHost, args: readonly string[] = [], options?: RunOptions): Promise<Asked> {
  const { code, stdout, stderr } = await host.selvage(['doctor', '--format=json', ...args], options);
  assert.ok(stdout.startsWith('{'), `selvage doctor printed no document: exit ${code}\n${stdout}\n${stderr}`);
  const document = JSON.parse(stdout) as DoctorDocument;
  assert.equal(code, document.healthy ? 0 : 2, stderr);
  return { code, document, stderr };
}

/** What one check says: its level and its sentences; undefined where it doesn't concern the host. */
export function saidBy({ document }: Asked, id: string): { level: Level; says: string } | undefined {
  const check = document.checks.find((one) => one.id === id);
  return check && { level: check.level, says: check.findings.map(({ says }) => says).join('\n') };
}

/** One check must say that it is so; with assertWell of the same check elsewhere it has both its cases (test/unit/reconciler/doctor/cases.test.ts). */
export function assertSays(asked: Asked, id: string, level: Exclude<Level, 'ok'>, says: RegExp): void {
  const said = saidBy(asked, id);
  assert.equal(said?.level, level, `${id}: ${JSON.stringify(said)}`);
  assert.match(said.says, says, id);
}

/** It must find nothing wrong. */
export function assertWell(asked: Asked, id: string): void {
  assert.deepEqual(saidBy(asked, id), { level: 'ok', says: '' }, id);
}

/** A thing that is broken on purpose, and what doctor must say of it. */
export interface Breakage {
  id: string;
  level: Exclude<Level, 'ok'>;
  says: RegExp;
  break(): Promise<unknown>;
  mend(): Promise<unknown>;
}

/** Breaks all at once, asks once, and mends all: each is said while it is so. */
export async function breakOnce(host: LabHost, breakages: readonly Breakage[], args: readonly string[] = []) {
  for (const one of breakages) await one.break();
  const broken = await askDoctor(host, args);
  for (const one of [...breakages].reverse()) await one.mend();
  for (const { id, level, says } of breakages) assertSays(broken, id, level, says);
}

/** And asks once more: each is said no longer. @returns what was said then */
export async function breakAll(
  host: LabHost,
  breakages: readonly Breakage[],
  args: readonly string[] = [],
): Promise<Asked> {
  await breakOnce(host, breakages, args);
  const mended = await askDoctor(host, args);
  for (const { id } of breakages)
    assert.match(saidBy(mended, id)?.level ?? 'ok', /^ok$/, `${id}: ${JSON.stringify(saidBy(mended, id))}`);
  return mended;
}
