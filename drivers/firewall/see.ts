/**
 * Owns the look at a host's packet filters: both engines, as far as selvage has to know them, and whether a flanneld runs beside it.
 *
 * - Of others' tables only those chains are read that matter: what packets are forwarded through, and what is reached from there.
 * - What is read of nf_tables is of one generation; if it changes meanwhile it is read again, and while it doesn't, it is not.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isDockerNftChain } from '../../reconciler/firewall/docker-nft.ts';
import { isOurTag, tagOfChain } from '../../reconciler/firewall/part.ts';
import type { BaseChain, ChainView, Family, HookName, Ruleset, TableView } from '../../reconciler/firewall/ruleset.ts';
import { readLegacy } from '../iptables-legacy/state.ts';
import { ipv4At } from '../netlink/codec/text.ts';
import { EPERM, errnoName } from '../netlink/errno.ts';
import { inNetns } from '../netlink/netns.ts';
import type { NftClient } from '../netlink/nft/client.ts';
import { HOOKS, NFPROTO_INET, NFPROTO_IPV4 } from '../netlink/nft/constants.ts';
import type { ChainObject } from '../netlink/nft/objects.ts';
import { readRule } from '../netlink/nft/rules.ts';

const ATTEMPTS = 5;
/** Chains followed from FORWARD: Docker has ten; beyond this one may do anything, as far as we know. */
const MAX_CHAINS = 200;
const NFPROTO_IPV6 = 10;
const FAMILIES = new Map<number, Family>([
  [NFPROTO_IPV4, 'ip'],
  [NFPROTO_INET, 'inet'],
  [NFPROTO_IPV6, 'ip6'],
]);

export interface Sight {
  ruleset: Ruleset;
  /** The generation of nf_tables when it was read. */
  generation: number | undefined;
}

export interface SeeOptions {
  /** Whether elements of our sets are read too: one for each peer that is reached without a tunnel. */
  elements: boolean;
  /** What was read last, for as long as its generation lasts: a round looks several times. */
  memory?: Memory;
}

export interface Memory {
  last?: NftSight & { elements: boolean };
}

/** Looks at the namespace that the client's socket is in. */
export function see(client: NftClient, netns: string | undefined, options: SeeOptions): Sight {
  const nft = seeNft(client, options);
  const legacy = readLegacy(netns);
  const tables = [...nft.tables];
  for (const [name, chains] of legacy.tables) tables.push({ engine: 'legacy', family: 'ip', name, chains });
  const problem = nft.problem ?? legacy.problem;
  const ruleset: Ruleset = {
    tables,
    nft: nft.state,
    flanneld: hasFlannels(tables) && flanneldRuns(netns),
    ...(problem === undefined ? {} : { problem }),
  };
  return { ruleset, generation: nft.generation };
}

interface NftSight {
  state: Ruleset['nft'];
  tables: TableView[];
  generation?: number;
  problem?: string;
}

function seeNft(client: NftClient, options: SeeOptions): NftSight {
  let last: NftSight = { state: 'usable', tables: [] };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { errno, value } = client.generation();
    if (errno === EPERM) return { state: 'denied', tables: [] };
    if (errno !== 0 || !value) return { state: 'absent', tables: [] };
    const known = options.memory?.last;
    const isCurrent = known?.generation === value.id;
    if (isCurrent && (known.elements || !options.elements)) return known;
    const read = isCurrent ? withElements(client, known) : readTables(client, options);
    last = { state: 'usable', generation: value.id, ...read };
    if (client.generation().value?.id !== value.id) continue;
    if (options.memory && last.problem === undefined) options.memory.last = { ...last, elements: options.elements };
    return last;
  }
  return { ...last, problem: last.problem ?? 'The firewall kept changing while it was read; it is read again.' };
}

/** What was read without the elements of our sets, with them. */
function withElements(client: NftClient, { tables }: NftSight): Pick<NftSight, 'tables'> {
  const filled = tables.map((table): TableView => {
    if (!table.sets) return table;
    const family = table.family === 'inet' ? NFPROTO_INET : NFPROTO_IPV4;
    return { ...table, sets: readSets(client, family, table.name, table.chains, { elements: true }) };
  });
  return { tables: filled };
}

function readTables(client: NftClient, options: SeeOptions): { tables: TableView[]; problem?: string } {
  const listed = client.chains(0);
  let errno = listed.errno;
  const byTable = new Map<string, ChainObject[]>();
  for (const chain of listed.items) {
    if (!FAMILIES.has(chain.family)) continue;
    const key = `${chain.family} ${chain.table}`;
    const same = byTable.get(key);
    if (same) same.push(chain);
    else byTable.set(key, [chain]);
  }
  const tables: TableView[] = [];
  for (const objects of byTable.values()) {
    const { family, table } = objects[0]!;
    const names = objects.filter((chain) => isOfInterest(chain)).map(({ name }) => name);
    if (names.length === 0) continue;
    const chains = new Map<string, ChainView>();
    const exists = new Map(objects.map((chain) => [chain.name, chain]));
    for (const name of names) {
      const object = exists.get(name);
      if (!object || chains.has(name) || chains.size >= MAX_CHAINS) continue;
      const rules = client.rules(family, table, name);
      errno ||= rules.errno;
      const view: ChainView = { ...baseOf(object), rules: rules.items.map(readRule) };
      chains.set(name, view);
      if (!isFollowed(table)) continue;
      for (const { verdict } of view.rules) if ('chain' in verdict) names.push(verdict.chain);
    }
    const sets = isOurTag(table) ? readSets(client, family, table, chains, options) : undefined;
    tables.push({ engine: 'nft', family: FAMILIES.get(family)!, name: table, chains, ...(sets ? { sets } : {}) });
  }
  if (errno === 0) return { tables };
  return { tables, problem: `The rules of nf_tables could not be read (${errnoName(errno)}).` };
}

/** Where a drop may be chains away. */
const isFollowed = (table: string): boolean => table === 'filter';

function isOfInterest({ family, table, name, base }: ChainObject): boolean {
  if (isOurTag(table) || table === 'flannel-ipv4' || table === 'flannel-ipv6') return true;
  if (family === NFPROTO_IPV6) return false;
  if (table === 'docker-bridges') return isDockerNftChain(name);
  if (family === NFPROTO_IPV4 && table === 'filter')
    return name === 'FORWARD' || name === 'DOCKER-USER' || name === 'FLANNEL-FWD' || tagOfChain(name) !== undefined;
  if (family === NFPROTO_IPV4 && table === 'nat') return name === 'POSTROUTING' || name === 'FLANNEL-POSTRTG';
  if (family === NFPROTO_IPV4 && table === 'raw') return name === 'PREROUTING';
  // Somebody else's say in what is forwarded.
  return base?.type === 'filter' && HOOKS[base.hook] === 'forward';
}

function baseOf({ base }: ChainObject): { base?: BaseChain } {
  const hook: HookName | undefined = base && HOOKS[base.hook];
  if (!base || !hook) return {};
  const type = base.type === 'nat' || base.type === 'route' ? base.type : 'filter';
  return { base: { type, hook, priority: base.priority, policy: base.policy } };
}

/** Sets that the rules of our table name. */
function readSets(
  client: NftClient,
  family: number,
  table: string,
  chains: ReadonlyMap<string, ChainView>,
  { elements }: SeeOptions,
): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, readonly string[]>();
  for (const { rules } of chains.values()) {
    for (const name of rules.flatMap(({ srcSet, dstSet }) => [srcSet, dstSet])) {
      if (name === undefined || sets.has(name)) continue;
      const keys = elements ? client.elements(family, table, name).items : [];
      sets.set(
        name,
        keys.map((key) => ipv4At(Buffer.from(key, 'hex'), 0)),
      );
    }
  }
  return sets;
}

/** Whether anything is named, commented or worded as flannel does it: only then does it matter whether flanneld runs. */
const hasFlannels = (tables: readonly TableView[]): boolean =>
  tables.some(
    ({ name, chains }) =>
      name.startsWith('flannel-ipv') ||
      chains.has('FLANNEL-FWD') ||
      chains.has('FLANNEL-POSTRTG') ||
      ['FORWARD', 'POSTROUTING'].some((chain) => chains.get(chain)?.rules.some(mayBeFlannels)),
  );

const mayBeFlannels = (rule: ChainView['rules'][number]): boolean =>
  rule.comment?.startsWith('flanneld ') === true ||
  (!rule.in && !rule.out && (rule.src ?? rule.dst) !== undefined && MAY_BE.has(rule.verdict.to));

const MAY_BE: ReadonlySet<string> = new Set(['accept', 'return', 'masquerade']);

/**
 * A process of that name in this network namespace; one in another is another host's, as far as rules go. Where a process may not be asked
 * for its namespace (without CAP_SYS_PTRACE, of one with more capabilities) it counts as here: leaving its rules alone harms nobody.
 */
export function flanneldRuns(netns: string | undefined): boolean {
  const home = inNetns(netns, () => readlinkSync('/proc/thread-self/ns/net'));
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid) || !commandOf(pid).startsWith('flanneld')) return false;
    try {
      return readlinkSync(`/proc/${pid}/ns/net`) === home;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES';
    }
  });
}

/** "" for one that has just ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1');
  } catch {
    return '';
  }
}
