/** Owns what it takes to connect: the options as config/options.ts has them, the files of TLS, and the figures that etcd3's defaults are retuned to. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';
import { StoreError } from '../../reconciler/contracts/source.ts';

export interface EtcdV3Options {
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

/** As etcd3 wants them; undefined for an endpoint without TLS. */
export interface Credentials {
  rootCertificate: Buffer;
  privateKey?: Buffer;
  certChain?: Buffer;
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('invalid', `${flag} can't be read: ${why}`, { cause });
  }
}

function check(flags: string, path: string, holds: string, parse: () => unknown): void {
  try {
    parse();
  } catch (cause) {
    throw new StoreError('invalid', `${flags} ${path} doesn't hold ${holds} in PEM format`, { cause });
  }
}

/** Reads the files anew on each call, so that renewed certificates are taken. @throws StoreError invalid */
export function readCredentials(options: EtcdV3Options): Credentials {
  const { caFile, certFile, keyFile } = options;
  if (!certFile !== !keyFile) {
    const [given, missing] = certFile ? ['--etcd-certfile', '--etcd-keyfile'] : ['--etcd-keyfile', '--etcd-certfile'];
    throw new StoreError('invalid', `${given} needs ${missing} beside it`);
  }
  // etcd3 has no way to say "the system's authorities, and my certificate"; these are what Node takes for the system's.
  const rootCertificate = caFile ? read('--etcd-cafile', caFile) : Buffer.from(rootCertificates.join('\n'));
  if (caFile) check('--etcd-cafile', caFile, 'a certificate', () => new X509Certificate(rootCertificate));
  if (!certFile || !keyFile) return { rootCertificate };
  const [certChain, privateKey] = [read('--etcd-certfile', certFile), read('--etcd-keyfile', keyFile)];
  check('--etcd-certfile', certFile, 'a certificate', () => new X509Certificate(certChain));
  check('--etcd-keyfile', keyFile, 'a private key', () => createPrivateKey(privateKey));
  check('--etcd-keyfile', keyFile, 'the key of --etcd-certfile', () =>
    createSecureContext({ cert: certChain, key: privateKey }),
  );
  return { rootCertificate, certChain, privateKey };
}

/** @throws StoreError invalid */
export function checkEndpoints(endpoints: readonly string[]): void {
  if (endpoints.length === 0) throw new StoreError('invalid', '--etcd-endpoints names no endpoint');
  for (const endpoint of endpoints) {
    if (!/^https?:\/\/[^/\s]+:\d+$/.test(endpoint)) {
      throw new StoreError(
        'invalid',
        `--etcd-endpoints: ${endpoint} is no URL with host and port, such as http://127.0.0.1:2379`,
      );
    }
  }
}
