import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCredentials } from '../../../../drivers/etcd-common/tls.ts';
import { type Certs, makeCerts, type Pair } from '../../../helpers/etcd-certs.ts';

describe('what is wrong with our own certificate and key is said before etcd is asked', () => {
  let certs: Certs;
  const dir = mkdtempSync(join(tmpdir(), 'selvage-tls-'));
  before(() => {
    certs = makeCerts();
  });
  after(() => {
    certs?.remove();
    rmSync(dir, { recursive: true, force: true });
  });
  const use = ({ cert, key }: Pair) =>
    readCredentials({ endpoints: ['https://127.0.0.1:2379'], prefix: '/p', certFile: cert, keyFile: key });

  it('an encrypted key, in either form', () => {
    for (const [index, form] of [
      ['pkcs8', '-topk8', '-v2', 'aes256'],
      ['ec', '-aes256'],
    ].entries()) {
      const key = join(dir, `${index}.key`);
      execFileSync('openssl', [...form, '-in', certs.client.key, '-passout', 'pass:secret', '-out', key], {
        stdio: 'pipe',
      });
      assert.throws(
        () => use({ cert: certs.client.cert, key }),
        /is encrypted, and nobody is there to type its passphrase/,
      );
    }
  });

  it('a certificate that is out of date', () => {
    assert.throws(() => use(certs.expiredServer), /has been out of date since .*2021/);
  });

  it('nothing, where it is right', () => {
    assert.ok(use(certs.client).certChain);
  });
});
