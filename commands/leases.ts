/** Owns `selvage leases`: the network as the store has it, and what is wrong with it. */

import { existsSync } from 'node:fs';
import { lookAtHost, openStore } from '../compose.ts';
import { subnetsPrefix } from '../config/lease-key.ts';
import type { Options } from '../config/options.ts';
import { formatStateFile } from '../drivers/state-file/document.ts';
import type { Host } from '../reconciler/contracts/host.ts';
import type { StoreSnapshot } from '../reconciler/contracts/source.ts';
import { isPermanent } from '../reconciler/contracts/source.ts';
import { leasesDocument, renderLeases } from '../reconciler/report/leases.ts';
import { Mirror } from '../reconciler/store/mirror.ts';
import { answer, formatOf, lookOf, tellUnknownVariables } from './answer.ts';

/** @throws StoreError */
export async function leases(options: Options): Promise<number> {
  tellUnknownVariables(options);
  const source = openStore(options);
  try {
    const mirror = new Mirror(options.etcd.prefix);
    const snapshot = await source.snapshot();
    if (options.format === 'state-file') return answer(stateFileOf(snapshot, options.etcd.prefix));
    mirror.applySnapshot(snapshot, Date.now());
    const ids = mirror.allLeases.filter((lease) => !isPermanent(lease)).map((lease) => lease.leaseId);
    const timeLeft = await source.leases.timeLeft([...new Set(ids)]);
    const document = leasesDocument(mirror, source, timeLeft, await memberHost(options, mirror));
    return answer(renderLeases(document, formatOf(options), lookOf(options)));
  } finally {
    await source.close();
  }
}

/** Anybody may list the leases, also from a laptop; what this host can't reach is said of them only where it is a host of the network. */
async function memberHost(options: Options, { config, allLeases }: Mirror): Promise<Host | undefined> {
  const host = await lookAtHost(options, config);
  const addresses = new Set([host?.publicIP, ...(host?.addresses ?? [])]);
  const isMember = existsSync(options.subnetFile) || allLeases.some(({ attrs }) => addresses.has(attrs.publicIP));
  return isMember ? host : undefined;
}

function stateFileOf({ config, leases }: StoreSnapshot, prefix: string): string {
  const nameAt = `${subnetsPrefix(prefix)}/`.length;
  return formatStateFile(config?.value, new Map(leases.map(({ key, value }) => [key.slice(nameAt), value])));
}
