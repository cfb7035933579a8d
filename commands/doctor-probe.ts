/** Owns `selvage doctor --probe`: who is asked, what people see meanwhile, and what the kernel counted. */
import { UsageError } from '../config/errors.ts';
import { readCounters } from '../drivers/doctor/counters.ts';
import { probePeers } from '../drivers/probe/probe.ts';
import type { Facts } from '../reconciler/doctor/facts.ts';
import type { Probed } from '../reconciler/doctor/probed.ts';
import { targetsOf } from '../reconciler/doctor/targets.ts';

/** Beside what each peer may take. */
const PATIENCE_MS = 60_000;
const PATIENCE_PER_PEER_MS = 100;

/** @throws UsageError: --peers names one that has no lease */
export async function probe(facts: Facts, wanted: 'all' | number | readonly string[]): Promise<Probed> {
  const chosen = targetsOf(facts, wanted, Math.random);
  if (!chosen) {
    const problem = 'No packet was sent: it takes the network config, the leases, and a lease of this host.';
    return { peers: [], of: 0, problem, mtu: 0, outerMtu: 0, grown: {} };
  }
  const { targets, of, unknown, mtu, outerMtu, source } = chosen;
  if (unknown.length)
    throw new UsageError(
      `--peers names ${unknown.join(', ')}, which no lease of another host has; selvage leases shows all.`,
      'peers',
    );
  const before = readCounters();
  const { peers, problem } = await probePeers({
    targets,
    mtu,
    outerMtu,
    ...(source === undefined ? {} : { source }),
    deadlineMs: PATIENCE_MS + PATIENCE_PER_PEER_MS * targets.length,
    progress: progress(targets.length),
  });
  const after = readCounters();
  const grown = Object.fromEntries(
    Object.entries(after).flatMap(([name, value]) =>
      value > (before[name] ?? 0) ? [[name, value - (before[name] ?? 0)]] : [],
    ),
  );
  return { peers, of, ...(problem === undefined ? {} : { problem }), mtu, outerMtu, grown };
}

/** One line that is written over; only for a person who waits. */
function progress(of: number): (done: number) => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => {};
  return (done) => void stderr.write(done < of ? `\r${done} of ${of} peers asked` : `\r${' '.repeat(30)}\r`);
}
