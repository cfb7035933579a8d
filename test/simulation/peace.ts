/**
 * Owns what a fleet comes to once nobody disturbs it: all hosts are as the store says and reach each other within a bound, and then nothing is
 * written any more.
 */
import { AssertionError } from 'node:assert';
import { assertConverged } from '../helpers/converged.ts';
import { vxlanIn } from '../helpers/tunnels.ts';
import type { Fleet } from './fleet.ts';
import type { SimulatedHost } from './host.ts';

/** Longer than anything is backed off, contested, or waits for a grace, ms. */
const BOUND_MS = 40 * 60_000;
/** Longer than anything is under way: slow answers, late writes, a fault's aftermath, ms. */
const UNDER_WAY_MS = 25_000;
/** How long a word of the store is under way to somebody who hears it well, ms. */
const ON_ITS_WAY_MS = 1000;
/** More than a level pass, ms. */
const SILENCE_MS = 65_000;

/** How a fleet that has only been started comes to rest. */
export async function begin(fleet: Fleet): Promise<void> {
  await settle(fleet, 3000);
  fleet.excuses.clear();
}

/** After an episode. */
export async function makePeace(fleet: Fleet): Promise<void> {
  if (fleet.judge.violation) return;
  fleet.trace.say('peace', 'begins');
  fleet.endFaults();
  await settle(fleet, UNDER_WAY_MS);
  if (fleet.judge.violation) return;
  await beSilent(fleet);
  fleet.excuses.clear();
  fleet.judge.lookAfterFault();
}

/** `first`: ms until it is looked at. */
async function settle(fleet: Fleet, first: number): Promise<void> {
  const start = fleet.time.now();
  await fleet.pass(first);
  let wait = 1000;
  // Seen twice: what the store has told by the first look may not have come yet to all.
  for (let quiet = 0; quiet < 2; ) {
    const left = problems(fleet);
    quiet = left.length > 0 ? 0 : quiet + 1;
    if (left.length > 0 && fleet.time.now() - start > BOUND_MS)
      return fleet.judge.fail('settles', left.slice(0, 5).join('; '));
    await fleet.pass(quiet > 0 ? ON_ITS_WAY_MS : wait);
    if (fleet.judge.violation) return;
    if (quiet === 0) wait = Math.min(30_000, 2 * wait);
  }
  fleet.trace.say('peace', `is there after ${((fleet.time.now() - start) / 1000).toFixed(0)} s`);
}

async function beSilent(fleet: Fleet): Promise<void> {
  await outlastLingering(fleet);
  const { judge, store } = fleet;
  const written = (): string[] => store.writes.filter((write) => !write.startsWith('renew'));
  const [changes, writes] = [judge.changes, written().length];
  await fleet.pass(SILENCE_MS);
  if (judge.changes > changes)
    judge.fail('silent', `${judge.changes - changes} changes were made on hosts where all was well`);
  if (written().length > writes)
    judge.fail('silent', `the store was written though all was well: ${written().slice(writes).join(', ')}`);
}

/** What a wiped store had of a host that is gone is in force until its own end, and goes then: of that nobody has to be silent. */
async function outlastLingering(fleet: Fleet): Promise<void> {
  const ending = (): number[] =>
    fleet.members.flatMap(({ life }) => {
      const end = life?.agent.state.mirror.nextExpiry();
      const left = end === undefined ? Number.POSITIVE_INFINITY : end - life!.process.clock.now();
      return left <= SILENCE_MS ? [Math.max(0, left)] : [];
    });
  for (let left = ending(); left.length > 0 && !fleet.judge.violation; left = ending())
    await fleet.pass(Math.max(...left) + UNDER_WAY_MS);
}

/** What is not as it should be. */
function problems(fleet: Fleet): string[] {
  const { members, oracle } = fleet;
  const found = members.flatMap((host) => problemsOf(fleet, host));
  found.push(...oracle.missing(members).map(({ why }) => why));
  for (const [one, other] of oracle.overlaps(members))
    found.push(`${one.name} has ${oracle.seatOf(one)} and ${other.name} has ${oracle.seatOf(other)}`);
  return found;
}

function problemsOf(fleet: Fleet, host: SimulatedHost): string[] {
  const { name, life, kernel } = host;
  if (!life) return [`${name} has no agent`];
  if (life.process.stoppedUntil > fleet.time.now()) return [`${name} is stopped`];
  const { store, lease, work } = life.actor.getSnapshot().value as Record<string, unknown>;
  const states = JSON.stringify({ store, lease, work });
  if (states !== '{"store":{"connected":"watching"},"lease":"held","work":"idle"}') return [`${name} is ${states}`];
  const { state } = life.agent;
  const found: string[] = [];
  const own = fleet.leaseOf(host);
  if (!own || !host.addresses.some((address) => own.value.includes(`"${address}"`)))
    found.push(`${name} has ${fleet.seatOf(host)}, and its lease is ${own?.value}`);
  if (state.mirror.configText !== fleet.config) found.push(`${name} goes by ${state.mirror.configText}`);
  for (const link of kernel.view.links.values())
    if (vxlanIn(link) && link.alias?.startsWith('selvage:/coreos') && link.name !== deviceOf(fleet.config))
      found.push(`${name} still has ${link.name}`);
  try {
    const desired = state.desired?.wants ?? new Map();
    assertConverged({ instance: state.instance, desired, before: [], after: kernel.all() });
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    found.push(`${name}: ${error.message}`);
  }
  return found;
}

function deviceOf(config: string): string | undefined {
  const { Backend } = JSON.parse(config) as { Backend: { Type: string; VNI?: number } };
  return Backend.Type === 'vxlan' ? `flannel.${Backend.VNI ?? 1}` : undefined;
}
