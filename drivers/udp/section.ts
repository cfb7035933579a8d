/** Owns what a report tells of the engine, from what it says of itself. */
import type { CompanionSections } from '../../reconciler/contracts/report.ts';
import { DROPS, type DropCause } from './engine/counters.ts';
import type { EngineState } from './protocol.ts';

export function sectionOf(state: EngineState): NonNullable<CompanionSections['udp']> {
  const { counters, features, rightsKept } = state;
  const drops = Object.entries(counters.drops).filter(([, count]) => count > 0);
  return {
    pid: state.pid,
    since: new Date(state.since).toISOString(),
    listens: `${state.address}:${state.port}`,
    peers: state.peers,
    sent: { packets: counters.sentPackets, bytes: counters.sentBytes },
    received: { packets: counters.receivedPackets, bytes: counters.receivedBytes },
    drops: Object.fromEntries(drops.map(([cause, count]) => [DROPS[cause as DropCause] ?? cause, count])),
    without: Object.entries(features)
      .filter(([, there]) => !there)
      .map(([feature]) => feature),
    rightsKept,
  };
}
