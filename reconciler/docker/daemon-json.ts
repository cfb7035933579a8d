/**
 * Owns what is read from Docker's daemon.json and how a value in it is changed: whatever isn't ours stays to the byte.
 * Names are as dockerd has them, in lower case to the letter; of a name that comes twice the last one counts (Go's encoding/json).
 */
import { removeMember, setMember } from './json-members.ts';

/** What selvage may write there. */
export interface DaemonValues {
  bip?: string;
  mtu?: number;
  'ip-masq'?: boolean;
}

export const DAEMON_KEYS = ['bip', 'mtu', 'ip-masq'] as const satisfies readonly (keyof DaemonValues)[];

export interface DaemonJson {
  /** The values of the keys that selvage may write, of any type. */
  values: Partial<Record<keyof DaemonValues, unknown>>;
  /** False if Docker is told to leave the firewall alone. */
  iptables: boolean;
  /** `allow-direct-routing`, of any type: set where Docker shuts other hosts out, and never taken away. */
  directRouting: unknown;
  fixedCidr: string | undefined;
  /** Ranges from which Docker takes the subnets of its other networks; empty: its own. */
  pools: string[];
}

const NO_FILE: DaemonJson = { values: {}, iptables: true, directRouting: undefined, fixedCidr: undefined, pools: [] };
const BYTE_ORDER_MARK = '\ufeff';

/** Of the file's text, undefined if there is none. Why it can't be read, as half a sentence, for one that is no JSON object. */
export function readDaemonJson(text: string | undefined): DaemonJson | string {
  if (text === undefined || text.trim() === '') return NO_FILE;
  // What reading has put in place of a byte, and writing would not bring back.
  if (text.includes('\ufffd')) return 'it is not UTF-8';
  let parsed: unknown;
  try {
    parsed = JSON.parse(bare(text));
  } catch (error) {
    // V8 quotes a part of the text, which may be a secret.
    return (error as Error).message.replace(/, ?\.{0,3}".*$/s, '').replace(/ in JSON(?= at position)/, '');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'it is not an object';
  const object = parsed as Record<string, unknown>;
  const values: DaemonJson['values'] = {};
  for (const key of DAEMON_KEYS) if (object[key] !== undefined) values[key] = object[key];
  const fixed = object['fixed-cidr'];
  const iptables = object.iptables !== false;
  const directRouting = object['allow-direct-routing'];
  return {
    values,
    iptables,
    directRouting,
    fixedCidr: typeof fixed === 'string' ? fixed : undefined,
    pools: poolsOf(object),
  };
}

function poolsOf(object: Record<string, unknown>): string[] {
  const pools = object['default-address-pools'];
  if (!Array.isArray(pools)) return [];
  return pools.flatMap((pool: unknown) => {
    const base = typeof pool === 'object' && pool !== null ? (pool as { base?: unknown }).base : undefined;
    return typeof base === 'string' ? [base] : [];
  });
}

/**
 * The text with these values; undefined takes a name out. Only for a text that readDaemonJson could read. The same text if all is so
 * already; undefined if there is no file and nothing to put into one.
 */
export function editDaemonJson(
  text: string | undefined,
  values: Partial<Record<keyof DaemonValues, unknown>>,
): string | undefined {
  const empty = text === undefined || text.trim() === '';
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  if (empty && entries.length === 0) return text;
  let edited = empty ? '{}\n' : text;
  const mark = edited.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : '';
  edited = edited.slice(mark.length);
  const there = JSON.parse(edited) as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) edited = removeMember(edited, name);
    else if (there[name] !== value) edited = setMember(edited, name, value);
  }
  return mark + edited;
}

const bare = (text: string): string => (text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
