/**
 * Owns how a host is listed: each driver is asked for what is its own, and a full listing finds our devices first, the stale ones too, and
 * then looks under those.
 */
import type { Care, Driver, Interest, Listing } from '../reconciler/contracts/driver.ts';
import { ALIAS_PREFIX, type Instance } from '../reconciler/contracts/host.ts';
import { type Scope, scopeOf } from '../reconciler/contracts/scope.ts';
import { kindsThat, splitId, type Want } from '../reconciler/kinds/index.ts';
import { contextOf, ownDevices } from '../reconciler/plan/ownership.ts';
import { isRival } from '../reconciler/tunnels/index.ts';

const ABOVE_DEVICES = kindsThat((rules) => !rules.tellsOwner);

interface Whose {
  instance: Instance;
  /** All that should be, by id. */
  desired: ReadonlyMap<string, Want>;
}

/** Everything of ours and in our way. @returns beside it the interest in the devices that were found to be ours */
export async function listEverything(
  drivers: readonly Driver[],
  interest: Interest,
  { instance, desired }: Whose,
): Promise<Listing & { interest: Interest }> {
  const links = await listScope(drivers, scopeOf({ kinds: ['link'] }), interest);
  const names = links.haves.flatMap((have) =>
    have.kind === 'link' && (isRival(have) || have.alias?.startsWith(ALIAS_PREFIX)) ? have.name : [],
  );
  const wide = { ...interest, devices: [...new Set([...interest.devices, ...names])] };
  const addresses = await listScope(drivers, scopeOf({ kinds: ['address'] }), wide);
  const seen = [...links.haves, ...addresses.haves];
  const own = { ...interest, devices: ownDevices({ instance, desired, ...contextOf(seen, addresses.complete) }) };
  const rest = await listScope(drivers, scopeOf({ kinds: ABOVE_DEVICES }), own);
  return {
    interest: own,
    haves: [...seen, ...rest.haves],
    complete: links.complete && addresses.complete && rest.complete,
    problem: links.problem ?? addresses.problem ?? rest.problem,
    unread: new Map([...(links.unread ?? []), ...(rest.unread ?? [])]),
  };
}

/** What the drivers have inside a scope. */
export async function listScope(
  drivers: readonly Driver[],
  scope: Scope,
  interest: Interest,
  care?: Care,
): Promise<Listing> {
  const listings = await Promise.all(
    drivers.filter((driver) => concerns(scope, driver)).map((driver) => driver.list(scope, interest, care)),
  );
  const [first] = listings;
  if (listings.length === 1 && first) return first;
  return {
    haves: listings.flatMap((listing) => listing.haves),
    complete: listings.every((listing) => listing.complete),
    problem: listings.find((listing) => listing.problem !== undefined)?.problem,
    unread: new Map(listings.flatMap((listing) => [...(listing.unread ?? [])])),
  };
}

function concerns(scope: Scope, driver: Driver): boolean {
  if (scope.all || (scope.links.size && driver.kinds.includes('link'))) return true;
  for (const kind of scope.kinds) if (driver.kinds.includes(kind)) return true;
  for (const id of scope.ids) if (driver.kinds.includes(splitId(id).kind)) return true;
  return false;
}
