/** What is said at once, before anything is connected to. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type EtcdOptions, openEtcdV3 } from '../../../../drivers/etcd/source.ts';
import { type Certs, makeCerts } from '../../../helpers/etcd-certs.ts';

describe('opening etcd v3', () => {
  let certs: Certs;
  before(() => {
    certs = makeCerts();
  });
  after(() => certs?.remove());

  const open = (options: Partial<EtcdOptions>) =>
    openEtcdV3({ endpoints: ['https://etcd:2379'], prefix: '/n', ...options });
  const invalid = (options: Partial<EtcdOptions>, message: RegExp) =>
    assert.throws(() => open(options), { name: 'StoreError', kind: 'invalid', message });

  it('takes all that is well-formed, and says where it is', async () => {
    const source = open({
      endpoints: ['https://etcd:2379', 'http://[::1]:2379'],
      caFile: certs.ca,
      certFile: certs.client.cert,
      keyFile: certs.client.key,
    });
    assert.equal(source.kind, 'etcd-v3');
    assert.equal(source.where, 'https://etcd:2379,http://[::1]:2379');
    await source.close();
    await open({ caFile: '', certFile: '', keyFile: '' }).close();
  });

  it('refuses endpoints that are none', () => {
    invalid({ endpoints: [] }, /--etcd-endpoints names no endpoint/);
    for (const endpoint of ['etcd:2379', 'unix:///run/etcd', 'http://etcd', 'http://etcd:2379/v2']) {
      invalid({ endpoints: ['http://etcd:2379', endpoint] }, /--etcd-endpoints: .* is no URL with host and port/);
    }
  });

  it("refuses files that can't be read, hold something else, or don't belong together", () => {
    const { cert: certFile, key: keyFile } = certs.client;
    const garbage = `${certs.ca}.garbage`;
    writeFileSync(garbage, 'not PEM\n');
    invalid({ caFile: '/nowhere/ca.pem' }, /--etcd-cafile can't be read: ENOENT.*\/nowhere\/ca\.pem/);
    invalid({ caFile: garbage }, /--etcd-cafile .* doesn't hold a certificate in PEM format/);
    invalid({ caFile: certs.ca, certFile }, /--etcd-certfile needs --etcd-keyfile beside it/);
    invalid({ caFile: certs.ca, keyFile }, /--etcd-keyfile needs --etcd-certfile beside it/);
    invalid({ certFile: garbage, keyFile }, /--etcd-certfile .* doesn't hold a certificate/);
    invalid({ certFile, keyFile: garbage }, /--etcd-keyfile .* doesn't hold a private key/);
    invalid(
      { certFile, keyFile: certs.strangerClient.key },
      /--etcd-keyfile .* doesn't hold the key of --etcd-certfile/,
    );
  });

  it("doesn't look at them where nothing is encrypted", async () => {
    await open({ endpoints: ['http://etcd:2379'], caFile: '/nowhere/ca.pem' }).close();
  });
});
