/** Owns the checks of the peers' leases: what of them keeps a host from being reached. What packets show is in reached.ts. */
import { identityOf } from '../backends/index.ts';
import { type Check, notSeen, saysHeld, some, wrong } from './check.ts';
import type { Facts, Look } from './facts.ts';

export const peerChecks: readonly Check[] = [
  {
    id: 'addresses-once',
    category: 'peers',
    title: 'no two other hosts have one public address',
    covers: ['doctor 11', 'pain 24'],
    look: (facts) => {
      if (!facts.look) return notSeen();
      const own = facts.look.host?.publicIP;
      return twice(facts.look, ({ attrs }) => (attrs.publicIP === own ? undefined : attrs.publicIP)).map(
        ([address, subnets]) => wrong(`${address} is named by the leases of ${some(subnets)}.`),
      );
    },
    cure: 'Give each of those hosts an address of its own with --iface or --public-ip, or delete the lease that is left of an earlier one.',
    page: 'Two hosts behind one address (Vagrant, NAT), or a host that changed its subnet and whose earlier lease has not run out.',
  },
  {
    id: 'macs-once',
    category: 'peers',
    title: "every host's VTEP has a MAC of its own",
    covers: ['doctor 12'],
    claims: ({ kind, why }) => kind === 'peer' && (why === 'shared with another peer' || why === 'own MAC'),
    look: (facts, held) => {
      if (!facts.look) return notSeen();
      const found = twice(facts.look, ({ attrs }) => identityOf(attrs));
      if (!found.length) return saysHeld(facts, held);
      return found.map(([mac, subnets]) =>
        wrong(`The MAC ${mac} is named by the leases of ${some(subnets)}, and only one of them can be reached.`),
      );
    },
    cure: 'On all but one of them delete the device (ip link del flannel.1), give the machine an id of its own (systemd-machine-id-setup), and restart the agent.',
    page: 'A machine that was cloned has the machine id of its original, from which systemd derives MACs. A MAC leads to one host: the elder lease is served, the other is not.',
  },
  {
    id: 'moved',
    category: 'peers',
    title: 'every peer has followed the config',
    covers: ['pain 32'],
    claims: ({ kind, why }) => kind === 'peer' && /^(not moved yet|other backend|outside the network)$/.test(why),
    look: saysHeld,
    cure: 'Restart the agent on that host.',
    page: 'flanneld reads the config only when it starts. Until it is restarted a peer is on the earlier backend, VNI or range; selvage goes on reaching it there for `--migration-grace` where that can be done.',
  },
  {
    id: 'peers-served',
    category: 'peers',
    title: 'every peer is served',
    covers: ['pain 11'],
    claims: ({ kind }) => kind === 'peer',
    rest: true,
    look: saysHeld,
    cure: 'Mend that lease: restart the agent on its host.',
    page: "A lease that can not be used (no VTEP, no address, this host's own address) is held with its reason, and what this host has for that peer stays.",
  },
];

/** What several leases have and one should: [it, their subnets]. */
function twice({ leases }: Look, what: (lease: Look['leases'][number]) => string | undefined): [string, string[]][] {
  const all = new Map<string, string[]>();
  for (const lease of leases) {
    const key = what(lease);
    if (key === undefined || key === '' || key === '0.0.0.0') continue;
    all.set(key, [...(all.get(key) ?? []), lease.subnet]);
  }
  return [...all].filter(([, subnets]) => subnets.length > 1);
}

/** How many leases there are beside this host's own. */
export const othersOf = ({ look }: Facts): number =>
  look ? look.leases.filter(({ subnet }) => subnet !== look.report.network.subnet).length : 0;
