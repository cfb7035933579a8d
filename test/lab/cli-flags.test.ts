/** Flags and environment as flanneld takes them, through the real binary; and the daemon that they start. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Report } from '../../reconciler/contracts/report.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import type { ExecResult } from '../helpers/netns.ts';
import { labWithPeers } from '../helpers/peers.ts';
import { daemonOn, repair } from '../helpers/scenario.ts';

const json = ({ stdout }: ExecResult) => JSON.parse(stdout);

let lab: Lab;
let host: LabHost;
before(async () => {
  ({ lab, host } = await labWithPeers(3));
});
after(() => lab?.destroy());

describe('flags', () => {
  const address = async () =>
    (await host.ns.ipJson('-4', 'address', 'show', 'dev', 'eth0'))[0]!.addr_info!.map(({ local }) => local);

  it('as flanneld takes them, on the command line and in the environment', async () => {
    const file = join(host.folder, 'go.env');
    const args = [
      '-etcd-endpoints',
      lab.etcd.endpoint,
      `-etcd-prefix=${PREFIX}/`,
      '-ip-masq=true',
      '--iptables-resync=7',
      `-subnet-file=${file}`,
      '-v=0',
      '--once',
    ];
    const { code, stderr } = await host.selvage(args, { env: { SELVAGE_ETCD_ENDPOINTS: 'http://127.0.0.1:9' } });
    assert.equal(code, 0, stderr);
    assert.match(
      readFileSync(file, 'utf8'),
      /^FLANNEL_NETWORK=10\.5\.0\.0\/16\nFLANNEL_SUBNET=10\.5\.\d+\.1\/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n$/,
    );

    const env = {
      SELVAGE_ETCD_ENDPOINTS: '',
      FLANNELD_ETCD_ENDPOINTS: lab.etcd.endpoint,
      FLANNELD_IP_MASQ: 'true',
      FLANNELD_SUBNET_FILE: file,
      SELVAGE_SUBNET_FILE: '',
    };
    const drift = await host.selvage(['drift'], { env });
    assert.equal(drift.code, 0, drift.stdout + drift.stderr);
    const first = await host.selvage(['drift'], { env: { ...env, SELVAGE_IP_MASQ: 'false' } });
    const kinds = json(first).drift.map(({ kind }: Report['drift'][number]) => kind);
    assert.deepEqual([first.code, kinds], [2, ['firewall', 'file']]);
  });

  it('a variable of ours that is none is told by every command that goes by flags', async () => {
    const env = { SELVAGE_ETCD_PREFX: '/typo' };
    for (const args of [['--once'], ['drift'], ['leases'], ['leave', '--dry-run'], ['migrate']]) {
      const { stderr } = await host.selvage(args, { env });
      assert.match(stderr, /SELVAGE_ETCD_PREFX is no variable .* did you mean SELVAGE_ETCD_PREFIX\?/, args.join(' '));
    }
  });

  it('--iface by name, address and expression; --public-ip', async () => {
    const [own] = await address();
    await host.ns.ipBatch(['link add other0 up type bridge', 'address add 192.0.2.10/24 dev other0']);
    const ifaces: [args: string[], iface: string, publicIP: string][] = [
      [['--iface=eth0'], 'eth0', own!],
      [[`--iface=${own}`], 'eth0', own!],
      [['--iface=nothing', '--iface=other0'], 'other0', '192.0.2.10'],
      [['--iface=192.0.2.10'], 'other0', '192.0.2.10'],
      [['--iface=oth.*'], 'other0', '192.0.2.10'],
      [['--iface-regex=^192\\.0\\.2\\.'], 'other0', '192.0.2.10'],
      [['--iface-regex=^eth'], 'eth0', own!],
      [['--public-ip=203.0.113.5'], 'eth0', '203.0.113.5'],
    ];
    for (const [args, iface, publicIP] of ifaces) {
      const { report } = await host.report(['drift', ...args]);
      assert.deepEqual([report.host.iface, report.host.publicIP], [iface, publicIP], args.join(' '));
    }
    await host.ip('link', 'del', 'other0');
  });

  it('--public-ip is what the lease says, and the tunnel still starts at the interface', async () => {
    const second = await lab.addHost();
    const report = await repair(second, ['--public-ip=203.0.113.5']);
    assert.match(
      (await lab.leases()).get(`${PREFIX}/subnets/${report.network.subnet.replace('/', '-')}`)!,
      /"PublicIP":"203\.0\.113\.5"/,
    );
    const [link] = await second.ns.ipJson('link', 'show', 'flannel.1');
    assert.equal(link!.linkinfo!.info_data!.local, second.address);
    await repair(host);
    const fdb = await host.ns.bridgeJson('fdb', 'show', 'dev', 'flannel.1');
    assert.ok(fdb.some(({ dst, mac }) => dst === '203.0.113.5' && mac === link!.address));
  });
});

describe('the daemon', () => {
  it('logs to stderr as lines of JSON, answers nothing, serves its health, and ends with 0', async () => {
    const daemon = await daemonOn(host);
    const get = async (path: string) => {
      const ask = `exec 3<>/dev/tcp/127.0.0.1/8471 && printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
      const [head = '', body = ''] = (await host.ns.exec('bash', '-c', ask)).stdout.split(/\r\n\r\n(.*)/s);
      return [Number(head.split(' ')[1]), body];
    };
    assert.deepEqual(await get('/healthz'), [200, 'selvage is running']);
    assert.deepEqual(await get('/readyz'), [200, 'selvage is ready']);
    assert.equal((await get('/nothing'))[0], 404);
    assert.equal((await host.lastReport())!.mode, 'run');
    assert.equal(await daemon.stop(), 0);
    for (const line of daemon.log().trimEnd().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string');
  });

  it('ends at once where no answer comes from etcd, not even to the connection', async () => {
    // The underlay forwards nothing: packets to there are lost.
    const daemon = host.startDaemon([], { env: { SELVAGE_ETCD_ENDPOINTS: 'http://10.99.99.99:2379' } });
    await daemon.waitForLine(/starts/);
    await eventually(async () => /SYN-SENT/.test((await host.ns.exec('ss', '-tan')).stdout), {
      what: 'the connection to be tried',
    });
    assert.equal(await daemon.stop(), 0);
  });

  it('waits for an etcd that is not there yet, and says so once', async () => {
    const later = await lab.addHost();
    await lab.etcd.stop();
    const daemon = later.startDaemon();
    try {
      await daemon.waitForLine(/refused the connection/);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.equal(daemon.log().match(/refused the connection/g)?.length, 1);
      await lab.etcd.start();
      await eventually(async () => (await later.lastReport())?.converged, { what: 'the daemon to converge' });
    } finally {
      await daemon.kill();
    }
  });
});
