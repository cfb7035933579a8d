/** Owns the command that people are told where there is no network config. */
import { configKey } from '../config/lease-key.ts';
import { EXAMPLE_CONFIG } from '../config/network.ts';
import type { Source } from '../reconciler/contracts/source.ts';

/** A command that puts a config, for people to copy. */
export function putConfig(prefix: string, kind: Source['kind']): string {
  if (kind === 'file') return `"config": ${EXAMPLE_CONFIG}`;
  if (kind === 'etcd-v2') return `ETCDCTL_API=2 etcdctl set ${configKey(prefix)} '${EXAMPLE_CONFIG}'`;
  return `etcdctl put ${configKey(prefix)} '${EXAMPLE_CONFIG}'`;
}
