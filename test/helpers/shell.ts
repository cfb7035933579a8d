/** Owns what a lab test has a shell do on a host: a damage, and the script of `selvage drift --format commands`. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabHost } from './lab.ts';
import type { ExecResult } from './netns.ts';

/** From a file, as people run what they have read and edited. */
export async function runScript(host: LabHost, script: string): Promise<ExecResult> {
  const file = join(host.folder, 'script.sh');
  writeFileSync(file, script);
  return host.ns.exec('sh', file).finally(() => rmSync(file));
}

/** The same, which must succeed. */
export async function shell(host: LabHost, script: string): Promise<void> {
  const { code, stderr } = await runScript(host, script);
  assert.equal(code, 0, `${script}: ${stderr}`);
}

/** Has the repair that `drift` finds made by a shell; drift then finds nothing. @returns the script */
export async function repairByShell(host: LabHost, args: readonly string[]): Promise<string> {
  const drift = await host.selvage(['drift', ...args, '--format=commands']);
  assert.equal(drift.code, 2, drift.stderr);
  await shell(host, drift.stdout);
  const after = await host.selvage(['drift', ...args, '--format=table']);
  assert.equal(after.code, 0, `${drift.stdout}\n${after.stdout}`);
  return drift.stdout;
}
