/**
 * What ends without an answer (docs/design.md#the-answer): bad usage, stores that can't be reached or refuse, bad configs, missing
 * permission; TLS and users.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../reconciler/contracts/report.ts';
import { ACCEPTED, REFUSED } from '../golden/network-configs.ts';
import { startEtcd } from '../helpers/etcd.ts';
import { makeCerts } from '../helpers/etcd-certs.ts';
import { DEFAULT_CONFIG, type Lab, type LabHost, PREFIX, type RunOptions } from '../helpers/lab.ts';
import type { ExecResult } from '../helpers/netns.ts';
import { labWithPeers, type Peer } from '../helpers/peers.ts';
import { repair } from '../helpers/scenario.ts';
import { assertSentence } from '../helpers/sentence.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const json = ({ stdout }: ExecResult) => JSON.parse(stdout);

let lab: Lab;
let host: LabHost;
let peers: Peer[];
before(async () => {
  ({ lab, host, peers } = await labWithPeers(3));
});
after(() => lab?.destroy());

describe('what ends with a sentence', () => {
  const OTHER = ['--etcd-prefix=/bad'];
  type Case = [what: string, args: string[], code: number, says: RegExp, options?: RunOptions & { config?: string }];
  const cases: Case[] = [
    ['an unknown flag', ['--onec'], 64, /--onec.*did you mean --once\?/],
    ['an unknown flag with one dash', ['-etcd-prefx=/x'], 64, /etcd-prefx.*did you mean --etcd-prefix\?/],
    ['an unknown command', ['dirft'], 64, /"dirft".*did you mean drift\?/],
    ['a word too many', ['drift', 'now'], 64, /leave out "now"/],
    ['a bad value', ['--healthz-port=x'], 64, /--healthz-port.*"?x/],
    ['a bad value in the environment', ['drift'], 64, /FLANNELD_IP_MASQ/, { env: { FLANNELD_IP_MASQ: 'perhaps' } }],
    ['a bad schedule', ['--resync=never'], 64, /--resync never.*cron/],
    ['--once beside drift', ['drift', '--once'], 64, /--once/],
    [
      'an etcd that refuses',
      ['drift', '--etcd-endpoints=http://127.0.0.1:9'],
      69,
      /127\.0\.0\.1:9 refused.*--etcd-endpoints/,
    ],
    ['no config', ['drift', ...OTHER], 78, /no network config at \/bad\/config.*etcdctl put \/bad\/config/],
    ['no config, for a repair run', ['--once', ...OTHER], 78, /no network config at \/bad\/config/],
    [
      'a bad CIDR',
      ['drift', ...OTHER],
      78,
      /Network is "10\.5\.0\.0\/33".*"10\.5\.0\.0\/16"/,
      { config: '{"Network":"10.5.0.0/33"}' },
    ],
    [
      'a bad option of a backend',
      ['--once', ...OTHER],
      78,
      /VNI/,
      { config: '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":"1"}}' },
    ],
    ['a config that is no JSON', ['--once', ...OTHER], 78, /not JSON.*line 1/, { config: '{Network}' }],
    ['no such interface', ['drift', '--iface=eth9'], 78, /--iface eth9 matches no interface; this host has eth0/],
    ['no such file', ['check-config', '/nowhere'], 64, /\/nowhere/],
    [
      'a certificate that is not there',
      ['drift', '--etcd-endpoints=https://127.0.0.1:9', '--etcd-cafile=/nowhere'],
      78,
      /\/nowhere/,
    ],
  ];
  for (const [what, args, code, says, options = {}] of cases) {
    it(what, async () => {
      if (options.config) await lab.put('/bad/config', options.config);
      assertSentence(await host.selvage(args, options), code, says);
      if (options.config) await lab.delete('/bad/config');
    });
  }

  it('a backend that selvage does not run', async () => {
    await lab.put('/bad/config', '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard"}}');
    const result = await host.selvage(['--once', ...OTHER]);
    assertSentence(result, 78, /wireguard/);
    await lab.delete('/bad/config');
  });
});

describe('permissions', () => {
  const unprivileged = (...args: string[]) =>
    host.ns.exec(
      'setpriv',
      '--bounding-set=-net_admin,-dac_override,-dac_read_search',
      '--inh-caps=-net_admin',
      process.execPath,
      join(root, 'dist/selvage.js'),
      `--etcd-endpoints=${lab.etcd.endpoint}`,
      `--subnet-file=${host.subnetFile}`,
      '--state-cache=none',
      ...args,
    );

  it('a repair run and the daemon need CAP_NET_ADMIN and say so; a drift report does without', async () => {
    await repair(host);
    for (const args of [['--once'], []])
      assertSentence(await unprivileged(...args), 77, /CAP_NET_ADMIN.*run it as root/);
    const drift = await unprivileged('drift', '--format=json');
    assert.equal(drift.code, 0, drift.stderr);
    assert.equal(json(drift).converged, true);
    await host.ip('route', 'del', peers[0]!.subnet);
    const found = await unprivileged('drift', '--format=json');
    assert.equal(found.code, 2, found.stderr);
    await repair(host);
  });

  it('what a drift report may not read is not taken for absent', async () => {
    chmodSync(host.subnetFile, 0o600);
    chownSync(host.subnetFile, 65534, 65534);
    try {
      const drift = await unprivileged('drift', '--format=json');
      assert.equal(drift.code, 1, drift.stderr);
      const { drift: found, held } = json(drift);
      assert.deepEqual(found, []);
      assert.deepEqual(
        held.map(({ kind, key, why }: Report['held'][number]) => [kind, key, why]),
        [
          ['file', host.subnetFile, 'not ours'],
          ['firewall', 'nf_tables', 'not permitted'],
        ],
      );
    } finally {
      chownSync(host.subnetFile, 0, 0);
      chmodSync(host.subnetFile, 0o644);
    }
  });
});

describe('selvage check-config', () => {
  /** All of them are a unit test's; here a handful through the real binary. */
  it('prints what flannel derives, from a file and from standard input', async () => {
    for (const { input, derived } of ACCEPTED.slice(0, 4)) {
      const piped = await host.selvage(['check-config'], { input });
      assert.equal(piped.code, 0, piped.stderr);
      assert.deepEqual(json(piped), derived);
      const file = join(host.folder, 'config.json');
      writeFileSync(file, input);
      assert.deepEqual(json(await host.selvage(['check-config', file])), derived);
    }
  });

  it('refuses what flannel refuses, and names the field', async () => {
    for (const { input } of REFUSED.slice(0, 3))
      assertSentence(await host.selvage(['check-config', '-'], { input }), 78, /Network|Subnet/);
  });
});

describe('an etcd with TLS, users and passwords', () => {
  it('is reached with the flags of flanneld, end to end', async () => {
    const certs = makeCerts();
    const etcd = await startEtcd({
      netns: lab.underlay.name,
      ip: '127.0.0.1',
      host: 'localhost',
      tls: {
        ca: certs.ca,
        ...certs.server,
        clientAuth: true,
        clientCert: certs.client.cert,
        clientKey: certs.client.key,
      },
    });
    try {
      await etcd.etcdctl('put', `${PREFIX}/config`, JSON.stringify(DEFAULT_CONFIG));
      for (const command of [
        'user add root:secret',
        'user grant-role root root',
        'role add flannel',
        `role grant-permission flannel --prefix=true readwrite ${PREFIX}/`,
        'user add flannel:pass',
        'user grant-role flannel flannel',
        'auth enable',
      ]) {
        await etcd.etcdctl(...command.split(' '));
      }
      const tls = [
        `--etcd-endpoints=${etcd.endpoint}`,
        `--etcd-cafile=${certs.ca}`,
        `--etcd-certfile=${certs.client.cert}`,
        `--etcd-keyfile=${certs.client.key}`,
      ];
      // The underlay is a host too, and the certificate is for localhost.
      const run = (...args: string[]) =>
        lab.underlay.exec(
          process.execPath,
          join(root, 'dist/selvage.js'),
          ...tls,
          '--iface=br0',
          `--subnet-file=${lab.folder}/tls.env`,
          '--state-cache=none',
          ...args,
        );
      const login = ['--etcd-username=flannel', '--etcd-password=pass'];
      const once = await run('--once', ...login);
      assert.equal(once.code, 0, once.stderr);
      assert.equal((await run('drift', ...login)).code, 0);
      const denied = await run('drift', '--etcd-username=flannel', '--etcd-password=wrong');
      assertSentence(denied, 77, /user|password/i);
      assert.doesNotMatch(denied.stderr, /wrong/);
      // The certificate says who we are, then; that user may do nothing.
      assertSentence(await run('drift'), 77, /does not permit it: grant the user of --etcd-certfile/);
    } finally {
      await etcd.destroy();
      certs.remove();
    }
  });
});
