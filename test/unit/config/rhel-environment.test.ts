import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNetworkConfig } from '../../../config/network.ts';
import { parseOptions, unreadWords } from '../../../config/options.ts';

describe("the names of RHEL's /etc/sysconfig/flanneld", () => {
  const env = { FLANNEL_ETCD_ENDPOINTS: 'http://192.0.2.1:2379', FLANNEL_ETCD_PREFIX: '/atomic.io/network' };

  it('are read, after flanneld’s own', () => {
    const { etcd } = parseOptions([], env);
    assert.deepEqual([etcd.endpoints, etcd.prefix], [['http://192.0.2.1:2379'], '/atomic.io/network']);
    const both = parseOptions([], { ...env, FLANNELD_ETCD_ENDPOINTS: 'http://192.0.2.2:2379' });
    assert.deepEqual([both.etcd.endpoints, both.etcd.prefix], [['http://192.0.2.2:2379'], '/atomic.io/network']);
  });

  it('FLANNEL_OPTIONS is words of a command line: those that are not there are told', () => {
    const options = { FLANNEL_OPTIONS: ' -iface=eth1  --ip-masq ' };
    assert.equal(unreadWords([], options), '-iface=eth1 --ip-masq');
    assert.equal(unreadWords(['run', '--ip-masq'], options), '-iface=eth1');
    assert.equal(unreadWords(['-iface=eth1', '--ip-masq'], options), undefined);
    assert.equal(unreadWords([], {}), undefined);
  });
});

it('a config that begins with a byte order mark is told so in words', () => {
  assert.throws(() => parseNetworkConfig('\ufeff{"Network":"10.5.0.0/16"}'), /byte order mark/);
});
