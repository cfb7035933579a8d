/**
 * Owns our own lease: making sure of it, renewing it, knowing when it is gone. What to take is decided in reconciler/lease/.
 *
 * - Every write is guarded: nothing is overwritten that changed since it was read, nobody else's lease is touched.
 * - Making sure of a lease that is right writes nothing, so that a restart is silent in etcd.
 * - With `--lease adopt` etcd is never written: the lease is whoever's holds this host's public IP.
 */
import { maskCidr } from '../config/ipv4.ts';
import { parseLeaseAttrs } from '../config/lease.ts';
import { leaseKey, subnetsPrefix } from '../config/lease-key.ts';
import type { Lease, LeaseAttrs } from '../config/model.ts';
import { identityOf } from '../reconciler/backends/index.ts';
import type { HeldEntry } from '../reconciler/contracts/report.ts';
import { isPermanent, type StoreRecord } from '../reconciler/contracts/source.ts';
import { chooseLease, type LeaseChoice, whyReleased } from '../reconciler/lease/choose.ts';
import { readLease, readLeaseKey } from '../reconciler/lease/read.ts';
import { renewDelayMs, type Term, termFrom, timesOf } from '../reconciler/lease/renewal.ts';
import { namedAnother, takenOverByAddress, writtenOver } from '../reconciler/lease/two-hosts.ts';
import { namesSameWay, needsRewrite } from '../reconciler/lease/value.ts';
import { mustYieldTo } from '../reconciler/lease/yield.ts';
import { Mirror } from '../reconciler/store/mirror.ts';
import type { AgentDeps } from './deps.ts';
import type { LeaseContext } from './lease-context.ts';
import type { AcquireResult } from './lease-services.ts';
import { lostTooOften, otherLease } from './lease-words.ts';
import { Published } from './published.ts';

/** The longest wait after a race that was lost, ms; doubled with each further one. */
const CREATE_RACE_MS = 50;
/** More in a row are no race: then it is for whoever asked to try again later. */
const MOST_RACES = 8;

export class OwnLease {
  current: Lease | undefined;
  #held: HeldEntry[] = [];
  /** That another host may have this lease too: said until it has been renewed without further signs. */
  #doubts = new Map<string, HeldEntry>();
  /** Keys of leases of ours that were given up, and that the mirror may still have. */
  #released: string[] = [];
  /** The one that this host has in the store, and may not use: nothing is to be on the host for it. */
  covered: Lease | undefined;
  /** True while our lease names another way to this host than it should: that is written as soon as the way is built. */
  unpublished = false;
  readonly #published = new Published();
  /** The subnet that is being taken, or that was tried for without an answer: nobody knows yet whether it was written. */
  #tried: string | undefined;
  /** How often the store has begun to count anew: an answer to what was asked before that is of the earlier count. */
  #counts = 0;
  /** When it is to be renewed, and when it ends if nobody does; undefined for a permanent lease or none. */
  #term: Term | undefined;
  readonly #deps: AgentDeps;
  readonly #prefix: string;
  /** The subnet that this host had last: it goes back there if that is free. */
  previousSubnet: string | undefined;

  constructor(deps: AgentDeps, prefix: string, previousSubnet: string | undefined) {
    this.#deps = deps;
    this.#prefix = prefix;
    this.previousSubnet = previousSubnet;
  }

  get held(): HeldEntry[] {
    return [...this.#held, ...this.#doubts.values()];
  }

  /** Keys of the leases that were given up since this was last asked. */
  takeReleased(): string[] {
    return this.#released.splice(0);
  }

  /**
   * What would be done, without doing it: for a drift report. `seen`: a newer look at the store than the live mirror's, whose config and
   * whose memory of what a doubted store has lost count all the same.
   */
  choose(context: LeaseContext, seen = context.mirror): LeaseChoice | undefined {
    const { mirror, publicIP } = context;
    const { config, lingering } = mirror;
    if (!config) return undefined;
    const lost = lingering.size ? mirror.allLeases.filter(({ key }) => lingering.has(key) && !seen.record(key)) : [];
    const known = seen.lingering.size ? seen.allLeases.filter(({ key }) => seen.record(key)) : seen.allLeases;
    // What we have, or had, ourselves is ours whatever address of this host it still names.
    const all = lost.length ? [...known, ...lost] : known;
    const own = this.#deps.options.lease === 'acquire' ? this.#ownKeys(context, seen, all) : new Set();
    const leases =
      own.size === 0
        ? all
        : all.map((lease) => (own.has(lease.key) ? { ...lease, attrs: { ...lease.attrs, publicIP } } : lease));
    return chooseLease({
      config,
      leases,
      occupied: seen.unreadableSubnets,
      lingering: new Set(lost.map(({ key }) => key)),
      publicIP,
      ...(context.guards && { guards: context.guards }),
      isProvedOurs: (lease) => this.#isProvedOurs(lease, context),
      previousSubnet: this.previousSubnet,
      random: this.#deps.random,
    });
  }

  /** What this process has published it knows again wherever a store that was restored from a backup has it. */
  #ownKeys(context: LeaseContext, seen: Mirror, known: readonly Lease[]): Set<string> {
    const own = this.#ownKey(context, seen, known);
    const published = this.#published.among(known);
    return new Set(own === undefined ? published : [own, ...published]);
  }

  #isProvedOurs({ key, attrs }: Lease, { identities }: LeaseContext): boolean {
    if (this.#published.has(key, attrs)) return true;
    const identity = identityOf(attrs);
    if (identity === undefined) return false;
    return identities.has(identity) || (this.current !== undefined && identity === identityOf(this.current.attrs));
  }

  /**
   * Which lease is this host's own, whatever its value says, and also if the store has lost it. A process that has just started has no memory:
   * then it is the one of the subnet in subnet.env, if it names what no other host can have (a VTEP's MAC): that of one of this host's own devices.
   */
  #ownKey(context: LeaseContext, seen: Mirror, known: readonly Lease[]): string | undefined {
    const { identities } = context;
    const { current } = this;
    if (current) {
      const isLost = context.mirror.lingering.has(current.key) && !seen.record(current.key);
      return isLost || this.compareWith(seen) !== 'gone' ? current.key : undefined;
    }
    const block = this.previousSubnet === undefined ? undefined : maskCidr(this.previousSubnet);
    const previous = known.find(({ subnet }) => subnet === block);
    const named = previous && identityOf(previous.attrs);
    return named !== undefined && identities.has(named) ? previous?.key : undefined;
  }

  /** Makes sure of a lease. Rejects with a StoreError if the store doesn't answer, or has us lose one race after the other. */
  async ensure(context: LeaseContext, signal?: AbortSignal): Promise<AcquireResult> {
    const { clock, random, options, source } = this.#deps;
    // Until the watch has brought what we (may) have written last, the live mirror has our lease as it was: another's, it seems, or none.
    const isBehind = this.#tried !== undefined || (this.current?.modRevision ?? 0) > context.mirror.revision;
    let seen = isBehind ? await this.#freshMirror(signal) : context.mirror;
    const counts = this.#counts;
    for (let races = 1; ; races++) {
      signal?.throwIfAborted();
      const choice = this.choose(context, seen);
      if (!choice) return 'waiting';
      this.#held = choice.others.map(otherLease);
      this.covered = undefined;
      this.doubt(choice, context, seen);
      if (options.lease === 'adopt') return this.#adopt(choice, context);
      if (choice.action === 'outOfSubnets') {
        this.suppose(choice, context);
        return 'outOfSubnets';
      }
      if (choice.action === 'create' && (await this.isBlocked(context))) return 'blocked';
      const taken =
        choice.action === 'reuse'
          ? await this.#reuse(choice.lease, context)
          : await this.#create(choice.subnet, context);
      if (taken) {
        if (counts !== this.#counts) this.forgetRevision();
        // The new one first: a host without a lease is a host without a network.
        for (const lease of choice.release) await this.#release(lease, whyReleased(context.mirror.config!, lease));
        return 'held';
      }
      if (races === MOST_RACES) throw lostTooOften(MOST_RACES, source.where);
      await clock.sleep(CREATE_RACE_MS * 2 ** (races - 1) * random(), signal);
      seen = await this.#freshMirror(signal);
    }
  }

  /** Notes what shows that another host may use the lease that was chosen, or the one that we had. */
  doubt(choice: LeaseChoice, context: LeaseContext, seen = context.mirror): void {
    const { current, previousSubnet = '' } = this;
    const { publicIP, identities, addresses = [], rememberedSubnet = '' } = context;
    if (this.#deps.options.lease === 'adopt') return;
    const there = (key: string): Lease | undefined =>
      seen.record(key) && seen.allLeases.find((lease) => lease.key === key);
    if (current && current.modRevision <= seen.revision) {
      const now = there(current.key);
      this.#note(
        now && now.modRevision !== current.modRevision ? writtenOver(current, now.attrs, addresses) : undefined,
      );
    }
    if (choice.action !== 'reuse' || choice.lease.key === current?.key) return;
    const have = there(choice.lease.key) ?? choice.lease;
    const subnets = [maskCidr(previousSubnet) ?? '', rememberedSubnet];
    this.#note(takenOverByAddress(choice.lease, { subnets, identities }));
    this.#note(namedAnother(have, publicIP, addresses));
  }

  /** The lease has stood for a whole term. */
  forgetDoubts(): void {
    this.#doubts.clear();
  }

  #note(doubt: HeldEntry | undefined): void {
    if (doubt) this.#doubts.set(`${doubt.key} ${doubt.why}`, doubt);
  }

  /** Whether something stands in the way of a first lease; it is held then. */
  async isBlocked(context: LeaseContext): Promise<boolean> {
    const obstacles = (await context.obstacles?.()) ?? [];
    this.#held.push(...obstacles);
    return obstacles.length > 0;
  }

  /** Extends the lease; 'lost' if it is no longer ours to extend. */
  async renew(): Promise<'renewed' | 'lost'> {
    if (!this.current) return 'lost';
    const renewed = await this.#deps.source.leases.renew(recordOf(this.current));
    if (renewed === 'lost') return 'lost';
    this.#schedule(renewed.ttlSeconds, renewed.ttlSeconds);
    this.#deps.log.info(
      { subnet: this.current.subnet, ttlSeconds: renewed.ttlSeconds },
      `Lease of ${this.current.subnet} renewed.`,
    );
    return 'renewed';
  }

  /** The renewal that a one-shot run owes, as there is no daemon to do it. */
  async renewIfDue(): Promise<void> {
    if (this.renewDelayMs() === 0) await this.renew();
  }

  /** What the mirror now says of our key: 'same', 'changed' (ours still, but not as we left it) or 'gone' (deleted, or another host's). */
  compareWith(mirror: Mirror): 'same' | 'changed' | 'gone' {
    const { current } = this;
    if (!current) return 'gone';
    const record = mirror.record(current.key);
    if (!record) return 'gone';
    if (record.value === current.value && record.leaseId === current.leaseId) return 'same';
    const reading = readLease({ subnet: current.subnet }, record);
    if ('attrs' in reading && !this.#isOrWasOurs(reading.attrs)) return 'gone';
    return 'changed';
  }

  /** A store that was restored from a backup may have it as this process wrote it under an earlier address of this host. */
  #isOrWasOurs(attrs: LeaseAttrs): boolean {
    const { current } = this;
    return !current || attrs.publicIP === current.attrs.publicIP || this.#published.has(current.key, attrs);
  }

  /** Whether a lease under our public IP is neither the one that we have nor the one that we are about to have. */
  isAnother(subnet: string): boolean {
    const own = this.current?.subnet ?? this.#tried;
    return own !== undefined && subnet !== own && subnet !== this.#tried;
  }

  /** The store counts anew: what it has said of our writes can't be compared with what it says now. */
  forgetRevision(): void {
    this.#counts++;
    if (this.current) this.current = { ...this.current, modRevision: 0 };
  }

  renewDelayMs(): number | undefined {
    if (this.#deps.options.lease === 'adopt') return undefined;
    return this.#term && renewDelayMs(this.#term, this.#deps.clock);
  }

  /** Of the lease that we renew, ms since the epoch. */
  get times(): { endsAt: number; renewAt: number } | undefined {
    return this.#term && timesOf(this.#term, this.#deps.clock);
  }

  async #reuse(lease: Lease, context: LeaseContext): Promise<boolean> {
    const { source, log } = this.#deps;
    const value = await context.valueFor(lease);
    let record = recordOf(lease);
    this.unpublished = needsRewrite(lease, value) && !namesSameWay(lease.attrs, value) && !context.isBuilt();
    if (needsRewrite(lease, value) && !this.unpublished) {
      if (!namesSameWay(lease.attrs, value)) await context.beforeMove?.(lease.attrs);
      const updated = await source.leases.update(record, value);
      if (updated === 'changed') return false;
      record = updated;
      log.info(
        { subnet: lease.subnet, key: lease.key },
        `Lease of ${lease.subnet} rewritten: it now says how this host is reached.`,
      );
    }
    if (isPermanent(record)) {
      this.#term = undefined;
    } else {
      const left = (await source.leases.timeLeft([record.leaseId])).get(record.leaseId);
      if (!left) return false;
      this.#schedule(left.grantedSeconds, left.ttlSeconds);
    }
    this.#take(this.#read(record) ?? lease);
    return true;
  }

  async #create(subnet: string, context: LeaseContext): Promise<boolean> {
    const { source, log, options } = this.#deps;
    const key = leaseKey(this.#prefix, subnet);
    const value = await this.#firstValue(key, context);
    this.#tried = subnet;
    // It may be written, and much later, though no answer comes.
    this.#published.add({ key, attrs: parseLeaseAttrs(value) });
    const created = await source.leases.create(key, value, options.leaseTtlSeconds);
    this.#tried = undefined;
    if (created.result === 'exists') return false;
    // Two hosts may have created overlapping leases of different lengths at one moment: the younger one goes.
    if (mustYieldTo(created.record, created.neighbours, context.mirror.config?.network)) {
      await source.leases.release(created.record);
      return false;
    }
    const lease = this.#read(created.record);
    if (!lease) throw new Error(`The lease that was just written at ${key} can't be read; please report this.`);
    this.#schedule(options.leaseTtlSeconds, options.leaseTtlSeconds);
    this.#take(lease);
    log.info({ subnet, key }, `Lease of ${subnet} acquired.`);
    return true;
  }

  /** What is put in the place of a lease that the store has lost goes on naming the way that others send on, until the config's is built. */
  async #firstValue(key: string, context: LeaseContext): Promise<string> {
    const { lingering, allLeases } = context.mirror;
    const lost = lingering.has(key) ? allLeases.find((lease) => lease.key === key) : undefined;
    const value = await context.valueFor(lost);
    const standing = lost && !context.isBuilt() ? context.standingValueFor?.(lost) : undefined;
    // Before it is written: while that is under way the path may be built, and nobody would ask again.
    this.unpublished = standing !== undefined && !namesSameWay(parseLeaseAttrs(standing), value);
    return this.unpublished && standing !== undefined ? standing : value;
  }

  #adopt(choice: LeaseChoice, context: LeaseContext): AcquireResult {
    if (choice.action === 'reuse') {
      this.#take(choice.lease);
      return 'held';
    }
    if (choice.action === 'outOfSubnets' && choice.covered) {
      this.suppose(choice, context);
      return 'waiting';
    }
    const { source } = this.#deps;
    const detail =
      source.kind === 'file'
        ? `No lease in ${source.where} names this host's public IP ${context.publicIP}; add one, or say with --public-ip which it is.`
        : `No lease in etcd names this host's public IP ${context.publicIP}, and --lease adopt takes none; start flanneld here, or run without --lease adopt.`;
    this.#hold(context, 'no lease to adopt', detail);
    return 'waiting';
  }

  /** Takes over that no lease can be had. */
  suppose(choice: LeaseChoice & { action: 'outOfSubnets' }, context: LeaseContext): void {
    this.covered = choice.covered ?? this.#leftOf(context);
    this.#hold(context, choice.why, choice.detail);
  }

  /** A lease that the store no longer has, and this host may still have things of, though it may not use it. */
  #leftOf({ publicIP, guards }: LeaseContext): Lease | undefined {
    const subnet = this.previousSubnet === undefined ? undefined : maskCidr(this.previousSubnet);
    if (subnet === undefined || !guards?.ofOwn(subnet)) return undefined;
    const attrs = { publicIP, publicIPv6: null, backendType: '' };
    const key = leaseKey(this.#prefix, subnet);
    return { key, subnet, attrs, value: '', modRevision: 0, createRevision: 0, leaseId: '0' };
  }

  #hold({ publicIP }: LeaseContext, why: string, detail: string): void {
    this.#held.push({ kind: 'lease', key: publicIP, why, detail, unmet: true });
  }

  async #release(lease: Lease, why: string): Promise<void> {
    const result = await this.#deps.source.leases.release(recordOf(lease));
    if (result !== 'released') return;
    this.#released.push(lease.key);
    this.#deps.log.info({ subnet: lease.subnet }, `Lease of ${lease.subnet} released: ${why}.`);
  }

  #take(lease: Lease): void {
    this.current = lease;
    this.#tried = undefined;
    this.#published.add(lease);
    this.previousSubnet = lease.subnet;
  }

  #read(record: StoreRecord): Lease | undefined {
    const key = readLeaseKey(`${subnetsPrefix(this.#prefix)}/`, record.key);
    if (key.problem) return undefined;
    const lease = readLease(key, record);
    return 'attrs' in lease ? lease : undefined;
  }

  #schedule(grantedSeconds: number, remainingSeconds: number): void {
    const { clock, random, options } = this.#deps;
    const margin = { marginMinutes: options.renewMarginMinutes, random: random() };
    this.#term = termFrom({ grantedSeconds, remainingSeconds, ...margin }, clock);
  }

  /** The live mirror may be behind what has just beaten us: look for ourselves. */
  async #freshMirror(signal?: AbortSignal): Promise<Mirror> {
    const mirror = new Mirror(this.#prefix);
    mirror.applySnapshot(await this.#deps.source.snapshot(signal), this.#deps.clock.now());
    return mirror;
  }
}

export function recordOf(lease: Lease): StoreRecord {
  const { key, value, modRevision, createRevision, leaseId } = lease;
  return { key, value, modRevision, createRevision, leaseId };
}
