/** Owns what the leases tell of the flannel that wrote them: hosts that do not do what the config says (docs/backends.md#what-each-flanneld-does-with-a-key). */
import { configKey } from '../../config/lease-key.ts';
import type { Lease, NetworkConfig } from '../../config/model.ts';
import { olderFlannel } from '../backends/index.ts';
import type { HeldEntry } from '../contracts/report.ts';

export function olderHosts(leases: readonly Lease[], config: NetworkConfig | undefined, prefix: string): HeldEntry[] {
  if (!config) return [];
  const old = leases.flatMap(({ subnet, attrs }) => {
    const shown = olderFlannel(attrs, config.backend);
    return shown && shown.ignores.length > 0 ? [{ subnet, ...shown }] : [];
  });
  const [first] = old;
  if (!first) return [];
  const which =
    old.length === 1 ? `The lease of ${first.subnet} names` : `${old.length} leases (${first.subnet}, …) name`;
  const detail = `${which} ${first.sign}: such a host may ignore ${first.ignores.join(' and ')} of this config; see which flannel it runs, or take that out of the config.`;
  return [{ kind: 'config', key: configKey(prefix), why: 'older hosts', detail, unmet: false }];
}
