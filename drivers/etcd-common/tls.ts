/**
 * Owns the files of TLS: what of --etcd-cafile, --etcd-certfile and --etcd-keyfile is given, read, and checked before it is used.
 * They are only read, so that links are followed: certbot and Kubernetes give their files as links.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { createSecureContext, rootCertificates } from 'node:tls';
import { StoreError } from '../../reconciler/contracts/source.ts';
import type { EtcdOptions } from './options.ts';

/** Key and certificates in PEM, under the names that etcd3 has for them. */
interface Credentials {
  rootCertificate: Buffer;
  privateKey?: Buffer;
  certChain?: Buffer;
}

/** A bundle of all the world's authorities has 220 KB. */
const MOST_BYTES = 4 << 20;

/** For who isn't root, and for the unit, whose root may not read what is another user's. */
const NOT_PERMITTED = '; make root its owner, or add its group to the unit (SupplementaryGroups= in a drop-in)';

/** What is no regular file is not even opened: a pipe would never end. */
function readRegular(path: string): Buffer {
  checkRegular(statSync(path));
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    checkRegular(fstatSync(file));
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function checkRegular(stat: Stats): void {
  if (!stat.isFile()) throw new Error('it is no regular file');
  if (stat.size > MOST_BYTES) throw new Error(`it is longer than ${MOST_BYTES.toLocaleString('en')} bytes`);
}

/** One sentence if others may read the private key; undefined if not, or there is none. */
export function keyReadByAll({ keyFile }: Pick<EtcdOptions, 'keyFile'>): string | undefined {
  const stat = keyFile ? statSync(keyFile, { throwIfNoEntry: false }) : undefined;
  if (!stat || (stat.mode & 0o004) === 0) return undefined;
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
  return `--etcd-keyfile ${keyFile} may be read by everybody on this host (mode ${mode}): chmod o-r it, and think of a new key.`;
}

function read(flag: string, path: string): Buffer {
  try {
    return readRegular(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const cure = (cause as NodeJS.ErrnoException).code === 'EACCES' ? NOT_PERMITTED : '';
    throw new StoreError('invalid', `${flag} can't be read: ${why}${cure}`, { cause });
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
  checkUse(certFile, new X509Certificate(certChain));
  // PKCS #8, and OpenSSL's older form.
  if (/ENCRYPTED PRIVATE KEY|^Proc-Type:.*ENCRYPTED/m.test(privateKey.toString('latin1')))
    throw new StoreError(
      'invalid',
      `--etcd-keyfile ${keyFile} is encrypted, and nobody is there to type its passphrase; write one without (openssl pkey -in ${keyFile} -out PLAIN.pem)`,
    );
  check('--etcd-keyfile', keyFile, 'a private key', () => createPrivateKey(privateKey));
  check('--etcd-keyfile', keyFile, 'the key of --etcd-certfile', () =>
    createSecureContext({ cert: certChain, key: privateKey }),
  );
  return { rootCertificate, certChain, privateKey };
}

/** extKeyUsage id-kp-clientAuth (RFC 5280, 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** etcd says of each of these only that it wants another certificate. @throws StoreError invalid */
function checkUse(certFile: string, { validFrom, validTo, keyUsage }: X509Certificate): void {
  const now = Date.now();
  const wrong =
    Date.parse(validTo) < now
      ? `has been out of date since ${validTo}; renew it`
      : Date.parse(validFrom) > now
        ? `is not valid before ${validFrom}; if that is past, set this host's clock`
        : keyUsage && !keyUsage.includes(CLIENT_AUTH)
          ? 'is not for clients (its extended key usage lacks clientAuth); have one issued that is'
          : undefined;
  if (wrong !== undefined) throw new StoreError('invalid', `--etcd-certfile ${certFile} ${wrong}`);
}
