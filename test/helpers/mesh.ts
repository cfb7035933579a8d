/** Owns the continuous ping between all hosts of a lab, and what hosts say while their network moves. */
import assert from 'node:assert/strict';
import { openStateCache } from '../../drivers/state-cache/cache.ts';
import { SETTLE } from '../../reconciler/desired/paths.ts';
import { eventually } from './eventually.ts';
import type { Lab, LabHost, RunOptions } from './lab.ts';
import type { ContinuousPing, PingResult } from './ping.ts';

/**
 * For daemons whose network moves without a loss: longer than a loaded machine lets one wait, because who has not followed when it ends is cut
 * off, as told. An earlier path still goes thirty seconds after the last lease has left it.
 */
export const GRACE = '--migration-grace=1m';

/** As if thirty seconds had gone by for repair runs: each host's last good copy says that its lease left the earlier paths that much sooner. */
export async function settled(hosts: readonly LabHost[]): Promise<void> {
  for (const { name, stateCache } of hosts) {
    const cache = openStateCache(stateCache);
    const copy = await cache.load();
    assert.ok(copy?.head.left, `${name} has no last good copy that says when its lease left a path`);
    const left = Object.fromEntries(Object.entries(copy.head.left).map(([path, at]) => [path, at - SETTLE]));
    await cache.save({ ...copy, head: { ...copy.head, left } });
  }
}

interface Pair {
  from: LabHost;
  to: LabHost;
  ping: ContinuousPing;
}

export class Mesh {
  #pairs: Pair[] = [];

  /** From every host to every other, every 10 ms; resolves when each has had answers. */
  static async start(hosts: LabHost[]): Promise<Mesh> {
    const ways = hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to) => [from, to] as const));
    // A host that has converged may have heard of another's lease a moment ago: what is lost before all know each other isn't lost by a move.
    for (const [from, to] of ways)
      await eventually(() => from.ping(to), { what: `${from.name} to reach ${to.name}`, interval: 50 });
    const mesh = new Mesh();
    for (const [from, to] of ways) mesh.#pairs.push({ from, to, ping: from.startPing(to) });
    await mesh.answered(5);
    return mesh;
  }

  /** Resolves when every pair has had `count` more answers. */
  async answered(count: number): Promise<void> {
    const goals = this.#pairs.map(({ ping }) => ping.received + count);
    await eventually(() => this.#pairs.every(({ ping }, i) => ping.received >= goals[i]!), {
      what: `${count} answers to every ping: ${this.#pairs.map(({ from, to, ping }) => `${from.name} to ${to.name} ${ping.received}`)}`,
    });
  }

  async #end(): Promise<[pair: string, PingResult][]> {
    const results = await Promise.all(
      this.#pairs.map(
        async ({ from, to, ping }): Promise<[string, PingResult]> => [`${from.name} → ${to.name}`, await ping.stop()],
      ),
    );
    this.#pairs = [];
    return results;
  }

  /** Ends it; packets lost, by pair ("host1 → host2"). */
  async stop(): Promise<Map<string, number>> {
    return new Map((await this.#end()).map(([pair, { lost }]) => [pair, lost]));
  }

  async stopAndExpectNoLoss(): Promise<void> {
    await this.answered(5);
    const lost = (await this.#end()).filter(([, result]) => result.lost > 0).map(([pair, { gaps }]) => [pair, ...gaps]);
    assert.deepEqual(lost, [], 'packets were lost');
  }
}

/** Names of flannel's devices, sorted. */
export async function flannelDevices(host: LabHost): Promise<string[]> {
  const links = await host.ns.ipJson('link', 'show');
  return links
    .map(({ ifname }) => String(ifname))
    .filter((name) => name.startsWith('flannel'))
    .sort();
}

/** Waits until every lease's value matches, and every daemon says that it has converged and that nobody is behind. */
export async function allMoved(lab: Lab, value: RegExp, timeout = 60_000): Promise<void> {
  await eventually(
    async () => {
      for (const text of (await lab.leases()).values()) assert.match(text, value);
      for (const host of lab.hosts) {
        const report = await host.lastReport();
        assert.ok(report?.converged, `${host.name} has converged`);
        const behind = report.held.filter(({ why }) => why === 'not moved yet');
        assert.deepEqual(behind, []);
      }
      return true;
    },
    { what: `all leases to be ${value}`, timeout, interval: 50 },
  );
}

/** `selvage --once` on one host; it must succeed. */
export async function repair(host: LabHost, args: string[] = [], options: RunOptions = {}) {
  const { code, report, stderr } = await host.report(['--once', ...args], options);
  assert.equal(code, 0, `${host.name}: ${JSON.stringify(report.held)} ${JSON.stringify(report.outcomes)} ${stderr}`);
  return report;
}
