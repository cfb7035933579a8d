/** Owns the words that the lab tests speak in: a host is repaired, is in sync, runs a daemon that only edges can wake. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Report } from '../../reconciler/contracts/report.ts';
import type { Daemon } from './daemon.ts';
import { eventually } from './eventually.ts';
import type { LabHost, RunOptions } from './lab.ts';
import { overlayOf } from './overlay.ts';

/** The level pass practically switched off, so that what is repaired was repaired because of an edge. */
export const EDGES_ONLY = '--resync=0 0 1 1 *';

/** `selvage --once`, which must converge. */
export async function repair(host: LabHost, args: string[] = [], options?: RunOptions): Promise<Report> {
  const { code, report, stderr } = await host.report(['--once', ...args], options);
  assert.equal(code, 0, `${host.name}: ${summary(report)}\n${stderr}`);
  assert.equal(report.converged, true);
  return report;
}

/** `selvage drift`, which must find `ids` ("route 254|10.5.34.0/24|0|0", or the beginning of one) and exit with 2. */
export async function assertDrift(host: LabHost, ids: readonly string[], args: string[] = []): Promise<Report> {
  const { code, report, stderr } = await host.report(['drift', ...args]);
  assert.equal(code, 2, `${host.name}: ${summary(report)}\n${stderr}`);
  const found = driftIds(report);
  for (const id of ids)
    assert.ok(
      found.some((one) => one.startsWith(id)),
      `${id} is not among ${found.join(', ')}`,
    );
  return report;
}

/** `selvage drift`, which must find nothing. */
export async function assertInSync(host: LabHost, args: string[] = []): Promise<Report> {
  const { code, report, stderr } = await host.report(['drift', ...args]);
  assert.equal(code, 0, `${host.name}: ${summary(report)}\n${stderr}`);
  assert.deepEqual([report.drift, report.converged], [[], true]);
  return report;
}

/** "route 254|10.5.34.0/24|0|0" of each entry. */
export const driftIds = ({ drift }: Report): string[] => drift.map(({ kind, key }) => `${kind} ${key}`);

/** "peer 10.5.34.0/24: own MAC" of each entry. */
export const holds = ({ held }: Report): string[] => held.map(({ kind, key, why }) => `${kind} ${key}: ${why}`);

function summary(report: Report): string {
  const { drift, outcomes, held } = report;
  return JSON.stringify({ drift, failed: outcomes.filter(({ error }) => error), held }, null, 1);
}

/** Everything of a host that selvage keeps, as text. */
export async function stateOf(host: LabHost): Promise<string> {
  return `${await overlayOf(host)}\n${host.subnetEnv() ? readFileSync(host.subnetFile, 'utf8') : ''}`;
}

/** The daemon's last report once it says that the host is as it should be and knows that many leases. */
export function converged(host: LabHost, daemon: Daemon, leases?: number): Promise<Report> {
  let last = '';
  return eventually(
    async () => {
      if (!daemon.running) throw new Error(`the daemon ended:\n${daemon.log().slice(-3000)}`);
      const report = await host.lastReport();
      last = report ? summary(report) : 'it has no report yet';
      if (!report?.converged || (leases !== undefined && report.source.leases !== leases)) return undefined;
      return report;
    },
    { what: `the daemon on ${host.name} to converge` },
  ).catch((cause: unknown) => {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${text}\n${last}\n${daemon.log().slice(-3000)}`, { cause });
  });
}

/** Starts a daemon and waits until it has converged. */
export async function daemonOn(host: LabHost, args: string[] = []): Promise<Daemon> {
  const daemon = host.startDaemon([EDGES_ONLY, ...args]);
  try {
    await converged(host, daemon);
    return daemon;
  } catch (error) {
    await daemon.kill();
    throw error;
  }
}
