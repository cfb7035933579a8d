/**
 * Owns what is said when both of etcd's key spaces hold a network config. They never see each other: a flanneld up to 0.17 works in the
 * v2 one, later ones and `etcdctl` as it comes in the v3 one, and to mix them up is what flannel's users do most.
 */
import { parseLeaseAttrs } from '../../config/lease.ts';
import { parseNetworkConfig } from '../../config/network.ts';
import { identityOf } from '../../reconciler/backends/index.ts';
import type { HeldEntry } from '../../reconciler/contracts/report.ts';
import type { StoreRecord, StoreSnapshot } from '../../reconciler/contracts/source.ts';

/** Keys that are named; the rest is counted. */
const MOST_NAMED = 3;

interface Difference {
  config: boolean;
  /** Names under `subnets/`. */
  onlyV2: string[];
  onlyV3: string[];
  /** Another host or another VTEP. */
  differing: string[];
}

const nameOf = ({ key }: StoreRecord): string => key.slice(key.lastIndexOf('/') + 1);

/** What a reader takes from a text; the text itself if it can't be read. */
function meaning(read: () => unknown, text: string): string {
  try {
    return JSON.stringify(read());
  } catch {
    return text;
  }
}

const configMeaning = (text: string): string => meaning(() => parseNetworkConfig(text), text);

/** Without what only one of the forms has: v0.11 writes no VNI. */
const leaseMeaning = (text: string): string =>
  meaning(() => {
    const attrs = parseLeaseAttrs(text);
    return [attrs.publicIP, attrs.backendType, identityOf(attrs) ?? attrs.backendData];
  }, text);

export function differenceOf(v3: StoreSnapshot, v2: StoreSnapshot): Difference {
  const inV2 = new Map(v2.leases.map((record) => [nameOf(record), record.value]));
  const inV3 = new Map(v3.leases.map((record) => [nameOf(record), record.value]));
  const shared = [...inV3].filter(([name]) => inV2.has(name));
  return {
    config: configMeaning(v3.config?.value ?? '') !== configMeaning(v2.config?.value ?? ''),
    onlyV2: [...inV2.keys()].filter((name) => !inV3.has(name)).sort(),
    onlyV3: [...inV3.keys()].filter((name) => !inV2.has(name)).sort(),
    differing: shared.flatMap(([name, value]) => (leaseMeaning(value) === leaseMeaning(inV2.get(name)!) ? [] : [name])),
  };
}

const count = (number: number): string => `${number} ${number === 1 ? 'lease' : 'leases'}`;

function named(what: string, names: readonly string[]): string[] {
  if (!names.length) return [];
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return [`${what} ${names.slice(0, MOST_NAMED).join(', ')}${more}`];
}

/** For a prefix with a config in both. */
export function bothHold(prefix: string, v3: StoreSnapshot, v2: StoreSnapshot): HeldEntry {
  const { config, onlyV2, onlyV3, differing } = differenceOf(v3, v2);
  const parts = [
    ...(config ? ['the configs'] : []),
    ...named('only v2 has', onlyV2),
    ...named('only v3 has', onlyV3),
    ...named('they disagree on', differing),
  ];
  const verdict = parts.length
    ? `They differ: ${parts.join('; ')}. Hosts on one don't see those on the other: move all to v3 (selvage migrate --from v2 --to v3), or say --etcd-api.`
    : 'They say the same; remove the one that no host uses any more, or say --etcd-api.';
  const detail = `Both of etcd's APIs hold a network config under ${prefix}: v3's is used (${count(v3.leases.length)}), v2's (${count(v2.leases.length)}) is what flannel up to 0.17 works with. ${verdict}`;
  return { kind: 'store', key: prefix, why: 'config in both APIs', detail, unmet: false };
}
