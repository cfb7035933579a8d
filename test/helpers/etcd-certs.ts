/** Owns certificates for TLS tests, made by openssl: a CA, a server's for localhost and 127.0.0.1, a client's, an expired server's, another CA. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  cert: string;
  key: string;
}

/** Paths of PEM files. */
export interface Certs {
  ca: string;
  otherCa: string;
  server: Pair;
  expiredServer: Pair;
  /** For other names than localhost. */
  elsewhereServer: Pair;
  /** Without subject alternative names. */
  namelessServer: Pair;
  client: Pair;
  /** Signed by the other CA. */
  strangerClient: Pair;
  remove(): void;
}

export function makeCerts(): Certs {
  const dir = mkdtempSync(join(tmpdir(), `selvage-certs-${process.pid}-`));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const path = (name: string) => join(dir, name);

  const authority = (name: string) => {
    openssl('ecparam', '-genkey', '-name', 'prime256v1', '-out', `${name}.key`);
    openssl('req', '-x509', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-days', '2', '-out', `${name}.crt`);
  };
  // `openssl ca` is the only way of openssl 3.0 to date a certificate in the past.
  const issue = (
    name: string,
    ca: string,
    usage: string,
    start: string,
    end: string,
    names = 'DNS:localhost,IP:127.0.0.1',
  ): Pair => {
    writeFileSync(
      path(`${name}.cnf`),
      `[ca]\ndefault_ca=x\n[x]\ndatabase=${name}.db\nserial=${name}.srl\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n` +
        `[p]\ncommonName=supplied\n[ext]\nextendedKeyUsage=${usage}\n${names && `subjectAltName=${names}\n`}`,
    );
    writeFileSync(path(`${name}.db`), '');
    writeFileSync(path(`${name}.srl`), '1000\n');
    openssl('ecparam', '-genkey', '-name', 'prime256v1', '-out', `${name}.key`);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const files = ['-config', `${name}.cnf`, '-in', `${name}.csr`, '-out', `${name}.crt`];
    const signer = ['-cert', `${ca}.crt`, '-keyfile', `${ca}.key`, '-startdate', start, '-enddate', end];
    openssl('ca', '-batch', '-notext', '-extensions', 'ext', ...files, ...signer);
    return { cert: path(`${name}.crt`), key: path(`${name}.key`) };
  };

  authority('ca');
  authority('other-ca');
  const [from, to] = ['20200101000000Z', '20491231000000Z'];
  return {
    ca: path('ca.crt'),
    otherCa: path('other-ca.crt'),
    server: issue('server', 'ca', 'serverAuth,clientAuth', from, to),
    expiredServer: issue('expired', 'ca', 'serverAuth,clientAuth', from, '20210101000000Z'),
    elsewhereServer: issue('elsewhere', 'ca', 'serverAuth,clientAuth', from, to, 'DNS:etcd.example'),
    namelessServer: issue('nameless', 'ca', 'serverAuth,clientAuth', from, to, ''),
    client: issue('client', 'ca', 'clientAuth', from, to),
    strangerClient: issue('stranger', 'other-ca', 'clientAuth', from, to),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
