/** Owns the checks of the store: whether it can be heard, and what it says of the network and of this host. */
import { formatDuration } from '../../config/duration.ts';
import { olderHosts } from '../report/older-hosts.ts';
import { type Check, fromHeld, notSeen, saysHeld, unknown, warning, wrong } from './check.ts';
import type { Facts } from './facts.ts';

/** A clock that is off by this much (s) is worth a word; etcd's leases run by its own clock, v2's by the host's, too. */
const CLOCK_OFF_S = 5;
/** With so little of the lease left (s) somebody should have renewed it: flanneld does so an hour before, selvage by default, too. */
const RENEWED_BY_S = 3000;
/** Free subnets below this share of all are few. */
const FEW = 0.05;
/** More than this are not, in a large network. */
const MOST_FEW = 16;

const isConfigs = (why: string): boolean =>
  /^(no config|malformed config|IPv4 is off|IPv6 is left out|backend not supported)$/.test(why);

export const storeChecks: readonly Check[] = [
  {
    id: 'store-heard',
    category: 'store',
    title: 'etcd can be heard',
    covers: ['pain 9', 'pain 15', 'pain 26'],
    claims: ({ kind, why }) => kind === 'store' && /last good copy/.test(why),
    look: ({ failure, look }, held) => {
      if (failure?.what === 'store') return [wrong(failure.sentence, '')];
      const { error } = look?.report.source ?? {};
      return error ? [wrong(error.message, ''), ...fromHeld(held, 'warning')] : fromHeld(held);
    },
    cure: 'See that --etcd-endpoints, the files of TLS and the user are right, and that etcd runs.',
    page: 'What is in etcd is what this host works towards. While etcd is away selvage goes on with its last good copy (and flanneld with what is in the kernel), so containers that reach each other go on doing so; but new hosts are not seen, and after a lease has run out its subnet may be given to another host. The sentence names the endpoint and what it answered.',
  },
  {
    id: 'etcd-members',
    category: 'store',
    title: 'every etcd endpoint is healthy',
    covers: ['pain 9'],
    look: ({ endpoints }) => {
      if (!endpoints.length) return undefined;
      const ill = endpoints.flatMap(({ problem }) => problem ?? []);
      return ill.map((says) => (ill.length === endpoints.length ? wrong(says) : warning(says)));
    },
    cure: 'See to that member: etcdctl endpoint health, etcdctl alarm list.',
    page: 'Each of `--etcd-endpoints` is asked for `/health`. One that is down is made good by the others, until one more goes; a member without a leader, or with an alarm (`NOSPACE`), takes no writes, so that leases are not renewed.',
  },
  {
    id: 'store-memory',
    category: 'store',
    title: 'etcd remembers what it said before',
    covers: ['pain 11', 'pain 13'],
    claims: ({ kind }) => kind === 'store',
    rest: true,
    look: saysHeld,
    cure: 'Restore etcd, or let the hosts write their leases anew.',
    page: "etcd was wiped or restored from a backup, or the network's config is in both of its APIs (v2 and v3), so that older and newer hosts go by different ones. `selvage migrate` copies a network from v2 to v3.",
  },
  {
    id: 'config',
    category: 'store',
    title: 'the network config can be used',
    covers: ['pain 13', 'pain 32'],
    claims: ({ kind, why }) => kind === 'config' && isConfigs(why),
    look: ({ failure }, held) => (failure?.what === 'config' ? [wrong(failure.sentence, '')] : fromHeld(held)),
    cure: 'Put a config that selvage check-config accepts.',
    page: 'The config is at `<prefix>/config`. Without one there is no network; one that can not be read leaves the last good one in force. `selvage check-config FILE` says what flannel would make of one before it is put. etcd keeps v2 and v3 apart: `etcdctl` writes where `ETCDCTL_API` says, and flannel up to 0.17 reads v2 only.',
  },
  {
    id: 'older-hosts',
    category: 'store',
    title: 'every flannel of the network does what the config says',
    look: (facts) => {
      if (!facts.look) return notSeen();
      const { leases, config } = facts.look;
      return fromHeld(olderHosts(leases, config, facts.options.prefix));
    },
    cure: 'Upgrade flanneld there, or take the key out of the config.',
    page: 'A lease without a VNI was written by flanneld up to 0.13. Each flanneld below 0.22 ignores `Backend.MTU`, and 0.11 ignores `Backend.Learning`, without a word: such a host has another MTU than the others, and large packets to or from it are lost. [What each flanneld does with a key](backends.md#what-each-flanneld-does-with-a-key).',
  },
  {
    id: 'config-fits',
    category: 'store',
    title: 'this host can do what the config says',
    claims: ({ kind, why }) => kind === 'config' || why === 'MTU too small',
    rest: true,
    look: saysHeld,
    cure: 'Change the config.',
    page: 'What of the config this host can not do is said with both figures: an MTU that the uplink does not carry, a backend that does not go with NAT.',
  },
  {
    id: 'lease',
    category: 'store',
    title: 'this host has its lease, and it is renewed',
    covers: ['pain 6', 'pain 5'],
    claims: ({ kind, why }) => kind === 'lease' && why === 'second lease of this host',
    look: (facts, held) => (facts.look ? [...ofOwnLease(facts), ...fromHeld(held)] : notSeen()),
    cure: 'Start selvage (systemctl start selvage), or run selvage --once.',
    page: 'Other hosts reach this one by its lease. flanneld before 0.28 ends when its lease is gone ("Lease has been revoked. Shutting down daemon"), and nobody renews a lease when no daemon runs: after a day the peers take their routes to this host away.',
  },
  {
    id: 'leases',
    category: 'store',
    title: 'every lease can be read, and none overlap',
    covers: ['pain 7', 'pain 11'],
    claims: ({ kind }) => kind === 'lease',
    rest: true,
    look: saysHeld,
    cure: 'Delete the lease that is wrong; its host takes another one.',
    page: 'A malformed key or value makes flanneld v3 drop every peer and wedges v2; selvage holds that one lease and keeps the rest. Two hosts with one subnet, or leases that overlap, come from a copied `subnet.env` or from leases written by hand: the elder one is in force. `selvage leases` shows all.',
  },
  {
    id: 'room',
    category: 'store',
    title: 'there are subnets left',
    covers: ['pain 8'],
    claims: ({ kind, why }) => kind === 'lease' && why === 'out of subnets',
    look: (facts, held) => [...fromHeld(held, 'wrong'), ...(held.length ? [] : ofRoom(facts))],
    cure: 'Delete leases of hosts that are gone for good, or give the network a larger range (SubnetMin, SubnetMax).',
    page: 'A host that finds no free subnet gets none, and with flanneld ends. Hosts that are gone keep their lease until it runs out (a day); hosts that come and go quickly use them up.',
  },
  {
    id: 'clock',
    category: 'store',
    title: "this host's clock agrees with etcd's",
    covers: ['doctor 30'],
    look: ({ endpoints, look }) => {
      const told = endpoints.flatMap(({ url, clockAheadMs }) =>
        clockAheadMs === undefined ? [] : { url, clockAheadMs },
      );
      if (!endpoints.length) return undefined;
      if (!told.length) return [unknown('No endpoint told the time.')];
      return told
        .filter(({ clockAheadMs }) => Math.abs(clockAheadMs) > CLOCK_OFF_S * 1000)
        .map(({ url, clockAheadMs }) => {
          const seconds = Math.round(Math.abs(clockAheadMs) / 1000);
          const says = `The clock of ${url} is ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this host's`;
          return look?.report.source.kind === 'etcd-v2'
            ? wrong(`${says}, and v2's leases end by it.`)
            : warning(`${says}; leases run by etcd's own, but logs and certificates don't.`);
        });
    },
    cure: 'Let chrony or systemd-timesyncd set the clocks: timedatectl set-ntp true.',
    page: 'With the v2 API the time at which a lease ends is compared with the local clock, so that a host whose clock is ahead takes living leases for dead ones. With v3 it does no such harm; certificates that are "not valid yet" come from there.',
  },
  {
    id: 'etcd-key',
    category: 'store',
    title: "nobody else reads etcd's private key",
    look: ({ keyExposed }) => (keyExposed === undefined ? [] : [warning(keyExposed, '')]),
    cure: 'chmod o-r the file.',
    page: 'Who can read the key of `--etcd-keyfile` can write any lease, and so lead the traffic of all containers elsewhere.',
  },
];

function ofOwnLease({ look, leaseLeft, agent }: Facts) {
  const drift = look!.report.drift.filter(({ kind }) => kind === 'lease');
  const findings = drift.map(({ op, reason, key }) =>
    wrong(
      op === 'create'
        ? `This host has no lease yet (${reason}).`
        : `The lease ${key} is not as this host would have it (${reason}).`,
    ),
  );
  if (findings.length || leaseLeft === undefined || leaseLeft === null) return findings;
  const nobody = agent.selvage === undefined && !agent.flanneld;
  if (leaseLeft >= RENEWED_BY_S) return [];
  const left = formatDuration(Math.max(1, Math.round(leaseLeft)) * 1000);
  return [
    warning(
      `The lease ends in ${left}, and ${nobody ? 'no daemon runs that would renew it' : 'has not been renewed yet'}.`,
    ),
  ];
}

function ofRoom({ look }: Facts) {
  const config = look?.config;
  if (!config) return [];
  const number = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const [least, most] = [number(config.subnetMin), number(config.subnetMax)];
  const all = Math.floor((most - least) / 2 ** (32 - config.subnetLen)) + 1;
  const at = ({ subnet }: { subnet: string }): number => number(subnet.replace(/\/.*/, ''));
  const taken = look!.leases.filter((lease) => at(lease) >= least && at(lease) <= most).length;
  const free = Math.max(0, all - taken);
  if (all <= 0 || free > Math.min(MOST_FEW, Math.max(1, all * FEW))) return [];
  return [warning(`${free} of ${all} subnets ${free === 1 ? 'is' : 'are'} free.`)];
}
