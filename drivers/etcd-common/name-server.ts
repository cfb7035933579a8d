/**
 * Owns the second look at a name of --etcd-endpoints that could not be resolved: gRPC tells neither an unknown name from a name server that is
 * silent, nor which server that is. Asked after such a failure only, and loaded for it.
 */
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameServers } from '../host/surroundings.ts';

/** A name server that is there has answered by then. It was given 3 s before (drivers/host/resolver.ts). */
const PATIENCE_MS = 1000;

/** In the words that failure-rules.ts reads; undefined: it is known by now, or there is no such name. Never throws. */
export async function whyUnresolved(host: string): Promise<string | undefined> {
  const answered = new AbortController();
  const answer = lookup(host).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  const silent = sleep(PATIENCE_MS, 'silent', { signal: answered.signal }).catch(() => undefined);
  const code = await Promise.race([answer, silent]);
  answered.abort();
  const [servers = []] = nameServers();
  const them = servers.join(', ') || '127.0.0.1';
  if (code === 'silent') return `name server ${them} is silent`;
  if (code === 'EAI_AGAIN') return `name server ${them} has failed`;
  return undefined;
}
