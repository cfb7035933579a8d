/** Owns what no check can see on a host, and why: rows of docs/reference/doctor.md and of what users report that have no check of their own. */
export interface Unseen {
  /** As in Check.covers. */
  row: string;
  what: string;
  why: string;
}

export const UNSEEN: readonly Unseen[] = [
  {
    row: 'pain 10',
    what: 'the store was compacted, and flanneld spins and fills the disk',
    why: "It is flanneld's own fault, and gone with selvage, which lists anew. `journalctl -u flanneld` shows it.",
  },
  {
    row: 'pain 14',
    what: 'reservations with etcd v3',
    why: 'flanneld 0.18 and later can not make one. A lease without an end is one for selvage; `selvage leases` shows it as permanent.',
  },
  {
    row: 'pain 18',
    what: 'contention for the lock of iptables',
    why: 'selvage takes no such lock: it speaks to the kernel itself. `iptables: Another app is currently holding the xtables lock` is from others.',
  },
  {
    row: 'pain 31',
    what: 'stale peers of wireguard',
    why: 'selvage has no wireguard backend yet; on a flanneld host see `wg show`.',
  },
  {
    row: 'cloud',
    what: "a cloud's security group, or a firewall between hosts",
    why: 'No host sees it. `--probe` shows that packets are lost, and that neither end has dropped them.',
  },
  {
    row: 'peer',
    what: "a fault of a peer's own",
    why: 'Only that host can see it: run `selvage doctor` there. Of one that runs flanneld, `--probe` shows whether it answers.',
  },
];
