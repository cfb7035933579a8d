/** Reads what this host must go on reaching: the addresses of the store's endpoints, and its name servers (resolv.conf(5)). */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostFacts } from '../../reconciler/contracts/host.ts';

/** The second one has the real servers behind systemd-resolved's 127.0.0.53. */
const RESOLV_CONF = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
/** How long a name may take (ms): a name server that is away must not hold a round up. */
const PATIENCE_MS = 1000;

/** The last answer for each name: one that can't be resolved any more is where it was. */
const known = new Map<string, string[]>();

/** Never rejects: what can't be found out is left out. */
export async function surroundings(
  endpoints: readonly string[],
): Promise<Required<Pick<HostFacts, 'store' | 'nameServers'>>> {
  const hosts = [...new Set(endpoints.map((url) => new URL(url).hostname))];
  const addresses = await Promise.all(hosts.map(addressesOf));
  return { store: addresses.flat(), nameServers: [...new Set(nameServers().flat())] };
}

/** As each file has them; none: the resolver asks 127.0.0.1. */
export const nameServers = (): string[][] => RESOLV_CONF.map(nameServersOf);

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIPv4(host)) return [host];
  if (host.startsWith('[')) return [];
  const patience = new AbortController();
  const answer = lookup(host, { all: true, family: 4 }).then(
    (found) => found.map(({ address }) => address).sort(),
    () => undefined,
  );
  const found = await Promise.race([answer, sleep(PATIENCE_MS, undefined, { signal: patience.signal })]);
  patience.abort();
  if (found) known.set(host, found);
  return known.get(host) ?? [];
}

function nameServersOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return [...text.matchAll(/^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)].map(([, address]) => address!);
}
