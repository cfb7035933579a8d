/**
 * Owns the making of changes: one batch for all that is in nf_tables, one `iptables-legacy-restore` for what is in the older tables.
 *
 * - A batch is made against the generation that it was thought out for; if anything changes in between it is thought out anew.
 * - What the kernel refuses fails alone: the batch is made without it.
 */
import { type FirewallPart, partKey } from '../../reconciler/firewall/part.ts';
import { restoreLegacy } from '../iptables-legacy/restore.ts';
import { EPERM, failureOf, isGone } from '../netlink/errno.ts';
import { ERESTART, type NftClient, type Order } from '../netlink/nft/client.ts';
import { ordersOf } from './nft-orders.ts';
import { type PartChange, type PartOutcome, partOf } from './part-change.ts';

const ATTEMPTS = 10;

export interface ApplyContext {
  client: NftClient;
  netns: string | undefined;
}

/** One outcome a change, in their order. */
export async function applyParts(context: ApplyContext, changes: readonly PartChange[]): Promise<PartOutcome[]> {
  const outcomes = new Map<PartChange, PartOutcome>();
  const inOrder = changes.toSorted((a, b) => rank(a) - rank(b));
  const of = (engine: FirewallPart['engine']): PartChange[] => inOrder.filter((one) => partOf(one).engine === engine);
  applyNft(context.client, of('nft'), outcomes);
  const legacy = of('legacy');
  if (legacy.length)
    for (const outcome of await restoreLegacy(legacy, context.netns)) outcomes.set(outcome.change, outcome);
  return changes.map((change) => outcomes.get(change) ?? { change, result: 'done' });
}

/** What is jumped to comes before the jump and goes after it. */
function rank(change: PartChange): number {
  const up = ['table', 'chain', 'element', 'rules'].indexOf(partOf(change).part);
  return change.op === 'delete' ? 10 - up : up;
}

function applyNft(client: NftClient, changes: PartChange[], outcomes: Map<PartChange, PartOutcome>): void {
  let left = changes;
  for (let attempt = 0; left.length > 0 && attempt < ATTEMPTS + changes.length; attempt++) {
    const generation = client.generation();
    if (generation.errno !== 0) return failAll(left, generation.errno, '', outcomes);
    const orders: Order[] = [];
    const owner: PartChange[] = [];
    for (const change of left) {
      for (const order of ordersOf(client, change)) {
        orders.push(order);
        owner.push(change);
      }
    }
    if (orders.length === 0) return;
    const { errno, extack, at } = client.transact(orders, generation.value?.id);
    if (errno === 0) return;
    if (errno === ERESTART) continue;
    const refused = at === undefined ? undefined : owner[at];
    if (!refused || errno === EPERM) return failAll(left, errno, extack, outcomes);
    const isDone = refused.op === 'delete' && isGone(errno, extack);
    outcomes.set(refused, isDone ? { change: refused, result: 'noop' } : failed(refused, errno, extack));
    left = left.filter((change) => change !== refused);
  }
  for (const change of left) {
    const message = `${nameOf(change)}: others kept changing the firewall at the same time; it is tried again.`;
    outcomes.set(change, { change, result: 'failed', failure: { kind: 'transient', code: 'ERESTART', message } });
  }
}

const nameOf = (change: PartChange): string => `firewall ${partKey(partOf(change))}`;

function failAll(
  changes: readonly PartChange[],
  errno: number,
  extack: string,
  outcomes: Map<PartChange, PartOutcome>,
): void {
  for (const change of changes) outcomes.set(change, failed(change, errno, extack));
}

const failed = (change: PartChange, errno: number, extack: string): PartOutcome => ({
  change,
  result: 'failed',
  failure: failureOf(errno, extack, nameOf(change)),
});
