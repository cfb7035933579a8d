/** Owns the files of TLS: what of --etcd-cafile, --etcd-certfile and --etcd-keyfile is given, read, and checked before it is used. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';
import { StoreError } from '../../reconciler/contracts/source.ts';
import type { EtcdOptions } from './options.ts';

/** In PEM, under the names that etcd3 has for them. */
interface Credentials {
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
export function readCredentials(options: EtcdOptions): Credentials {
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
