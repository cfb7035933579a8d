/** Owns what it takes to connect: the options as config/options.ts has them, and the figures that are tuned for a host's daemon. */

export interface EtcdOptions {
  /** URLs with scheme, host and port: "http://127.0.0.1:2379". They are one cluster. */
  endpoints: string[];
  /** Cleaned: "/coreos.com/network". */
  prefix: string;
  /** PEM files; "" or undefined where not given. */
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  username?: string;
  password?: string;
  tuning?: Partial<Tuning>;
}

export interface Tuning {
  /** How long etcd may take to answer a request (ms). */
  deadlineMs: number;
  /** The same for a listing, which can be large. */
  snapshotDeadlineMs: number;
  /** How long a read may take while there are other endpoints to ask. */
  failoverMs: number;
  /** A silent connection is asked for a sign of life every `keepaliveMs`; etcd hangs up on who asks more often than every 5 s. */
  keepaliveMs: number;
  keepaliveTimeoutMs: number;
  /** Keys to a reply. */
  pageSize: number;
  /** Which endpoint is asked first. */
  first: (endpoints: number) => number;
}

export const DEFAULT_TUNING: Tuning = {
  deadlineMs: 5000,
  snapshotDeadlineMs: 15_000,
  failoverMs: 3000,
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 3000,
  pageSize: 20_000,
  // Spreads the hosts of a fleet over the members of the cluster.
  first: (endpoints) => Math.floor(Math.random() * endpoints),
};
