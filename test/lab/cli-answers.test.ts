/** The answers (docs/design.md#the-answer) as a person and a script meet them: the report in its forms, what is held, the leases. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Lab, type LabHost, PREFIX } from '../helpers/lab.ts';
import type { ExecResult } from '../helpers/netns.ts';
import { labWithPeers, type Peer } from '../helpers/peers.ts';
import { assertInSync, repair } from '../helpers/scenario.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** However it was wrapped. */
const oneLine = (text: string) => text.replace(/\s+/g, ' ');
const json = ({ stdout }: ExecResult) => JSON.parse(stdout);

let lab: Lab;
let host: LabHost;
let peers: Peer[];
before(async () => {
  ({ lab, host, peers } = await labWithPeers(3));
});
after(() => lab?.destroy());

describe('the answer', () => {
  before(() => repair(host));

  it('is a document with the fields of a report and nothing else on stdout', async () => {
    await host.ip('route', 'del', peers[0]!.subnet);
    await host.ip('link', 'set', 'flannel.1', 'mtu', '1300');
    await host.ip('address', 'add', '10.5.150.0/32', 'dev', 'flannel.1');
    const drift = await host.selvage(['drift', '--format=json', '--log-level=trace']);
    assert.equal(drift.code, 2);
    const report = json(drift);
    assert.deepEqual(Object.keys(report).sort(), [
      'at',
      'converged',
      'drift',
      'durationMs',
      'held',
      'host',
      'mode',
      'network',
      'outcomes',
      'source',
      'summary',
      'version',
    ]);
    assert.deepEqual([report.version, report.mode, report.converged], [1, 'drift', false]);
    assert.equal(new Date(report.at).toISOString(), report.at);
    assert.equal(typeof report.durationMs, 'number');
    assert.deepEqual(report.host, { hostname: report.host.hostname, iface: 'eth0', publicIP: host.address });
    const revision = String(await lab.revision());
    assert.deepEqual(report.source, { kind: 'etcd-v3', revision, complete: true, leases: peers.length + 1 });
    const subnet = host.containerAddress.replace(/1$/, '0/24');
    assert.deepEqual(report.network, { network: '10.5.0.0/16', subnet, backend: 'vxlan', mtu: 1450 });
    const [update, create, remove] = ['update', 'create', 'delete'].map((op) =>
      report.drift.find((entry: { op: string }) => entry.op === op),
    );
    assert.deepEqual(update, {
      op: 'update',
      kind: 'link',
      key: 'flannel.1',
      text: `flannel.1 type vxlan id 1 local ${host.address} dev eth0 dstport 8472`,
      reason: 'differs: mtu',
      fields: ['mtu'],
      want: { mtu: 1450 },
      have: { mtu: 1300 },
    });
    assert.deepEqual(Object.keys(create).sort(), ['key', 'kind', 'op', 'peer', 'reason', 'text', 'want']);
    assert.deepEqual(
      [create.kind, create.key, create.want.dst],
      ['route', `254|${peers[0]!.subnet}|0|0`, peers[0]!.subnet],
    );
    assert.deepEqual(remove, {
      op: 'delete',
      kind: 'address',
      key: 'flannel.1|10.5.150.0/32',
      text: '10.5.150.0/32 dev flannel.1',
      reason: 'not wanted',
      have: { dev: 'flannel.1', address: '10.5.150.0/32' },
    });
    assert.deepEqual(report.summary, { create: 1, update: 1, delete: 1, held: 0, failed: 0 });
    assert.deepEqual([report.outcomes, report.held], [[], []]);

    const once = json(await host.selvage(['--once', '--format=json']));
    assert.deepEqual([once.mode, once.converged, once.drift], ['once', true, report.drift]);
    const outcomes = once.outcomes.map(
      ({ op, kind, key, result }: { [name: string]: string }) => `${op} ${kind} ${key} ${result}`,
    );
    assert.deepEqual(outcomes.sort(), [
      `create route 254|${peers[0]!.subnet}|0|0 done`,
      'delete address flannel.1|10.5.150.0/32 done',
      'update link flannel.1 done',
    ]);
  });

  it('comes as a table or as markdown too, the same for both commands, and json where stdout is no terminal', async () => {
    await host.ip('route', 'del', peers[1]!.subnet);
    const key = `254|${peers[1]!.subnet}|0|0`;
    const table = await host.selvage(['drift', '--format', 'table']);
    assert.equal(table.code, 2);
    assert.match(
      oneLine(table.stdout),
      /^\S+ \(eth0, 192\.168\.64\.2\): 10\.5\.\d+\.0\/24 of 10\.5\.0\.0\/16, vxlan, MTU 1450; 4 leases, etcd-v3 revision \d+ /,
    );
    const text = `${peers[1]!.subnet} via ${peers[1]!.vtep} dev flannel.1 onlink`;
    const shown = table.stdout.split('\n').find((line) => /^\+ +route +/.test(line));
    assert.match(shown ?? table.stdout, /missing +host \d+\.\d+\.\d+\.\d+$/);
    assert.ok(oneLine(table.stdout.replaceAll(/missing.*/g, '')).includes(text), table.stdout);
    assert.match(table.stdout, /1 difference \(1 to create\): not in sync\.\n$/);
    const markdown = await host.selvage(['drift', '-format=markdown']);
    assert.match(markdown.stdout, /^## selvage: .*\n\n### Drift\n\n\| op \| what \| {2}\| why \| for \|\n/);
    assert.ok(markdown.stdout.includes(`| create | route | ${text} | missing | host `), markdown.stdout);
    assert.equal(json(await host.selvage(['drift'])).drift[0].key, key);
    const once = await host.selvage(['--once', '--format=table']);
    assert.match(once.stdout, /1 difference \(1 to create\), 1 of 1 repaired: converged\.\n$/);
    assert.equal(once.stderr, '');
    assert.match((await host.selvage(['drift', '--format=table'])).stdout, /No drift: in sync\.\n$/);
  });

  it('of --help and --version goes to stdout, whatever else is wrong', async () => {
    const help = await host
      .selvage(['--help', '--nonsense'])
      .then((result) => (result.code === 64 ? host.selvage(['--help']) : result));
    assert.equal(help.code, 0);
    assert.match(help.stdout, /selvage drift/);
    const version = await host.selvage(['-version'], { env: { FLANNELD_IP_MASQ: 'perhaps' } });
    assert.deepEqual([version.code, version.stderr], [0, '']);
    assert.match(version.stdout, /^selvage \d+\.\d+\.\d+\n$/);
  });

  it('ends well when nobody reads it to its end', async () => {
    const { stderr } = await host.ns.exec(
      'sh',
      '-c',
      `${process.execPath} ${root}/dist/selvage.js --help | head -1 >/dev/null`,
    );
    assert.equal(stderr, '');
  });

  it('that could not be written is no success', async () => {
    const to = (file: string, ...args: string[]) =>
      host.ns.exec('sh', '-c', `${process.execPath} ${root}/dist/selvage.js ${args.join(' ')} >${file}`);
    const full = await to('/dev/full', '--version');
    assert.equal(full.code, 1);
    assert.match(full.stderr, /^selvage: The answer could not be written.*no space left.*\n$/);
    assert.equal((await to('/dev/null', '--version')).code, 0);
    const nothing = await to('/dev/full', '--nonsense');
    assert.deepEqual([nothing.code, nothing.stderr.split('\n').length], [64, 2], 'there was nothing to write');
  });
});

describe('what is held', () => {
  before(() => repair(host));

  it('ip_forward that is off: said with its cure, and no failure of ours', async () => {
    await host.ns.sysctl('net.ipv4.ip_forward', '0');
    const { code, report } = await host.report(['--once']);
    await host.ns.sysctl('net.ipv4.ip_forward', '1');
    assert.equal(code, 0);
    assert.match(report.held[0]!.detail, /sysctl -w net\.ipv4\.ip_forward=1/);
    assert.deepEqual(
      report.held.map(({ kind, key }) => [kind, key]),
      [['sysctl', 'net.ipv4.ip_forward']],
    );
  });

  it('a device that has our VNI and port: named', async () => {
    await host.ns.ipBatch(['link del flannel.1', 'link add weave type vxlan id 1 dstport 8472 dev eth0']);
    const { code, report } = await host.report(['--once']);
    await host.ip('link', 'del', 'weave');
    assert.equal(code, 1);
    assert.match(
      report.held.find(({ kind }) => kind === 'link')!.detail,
      /VNI 1 on UDP port 8472 is in use by weave; remove/,
    );
    await repair(host);
  });

  it("docker0's connected route on a peer's subnet: stays, with what to do", async () => {
    const { subnet } = peers[2]!;
    await host.ns.ipBatch([
      `route del ${subnet}`,
      'link add docker0 up type bridge',
      `address add ${subnet.replace('.0/', '.1/')} dev docker0`,
    ]);
    const { code, report } = await host.report(['--once']);
    const [drift, table] = [await host.report(['drift']), await host.selvage(['drift', '--format=table'])];
    assert.equal(code, 1);
    assert.deepEqual([drift.code, drift.report.drift, drift.report.converged], [1, [], false]);
    const held = report.held.find(({ kind }) => kind === 'route');
    assert.match(held!.detail, /already routed by docker0.*remove that address or move docker0/);
    assert.match(oneLine(table.stdout), /2 held, 1 unmet: not in sync/);
    assert.match(await host.ip('route', 'show', subnet), /dev docker0 proto kernel/);
    await host.ip('link', 'del', 'docker0');
    await repair(host);
    await assertInSync(host);
  });
});

describe('selvage leases', () => {
  it('tells who has what, for how long, and what is wrong with it', async () => {
    await repair(host);
    await lab.put(`${PREFIX}/subnets/10.5.210.0-24`, '{"PublicIP":"172.20.0.1","BackendType":"host-gw"}');
    await lab.put(`${PREFIX}/subnets/rubbish`, '');
    const { code, stdout } = await host.selvage(['leases', '--format=json']);
    assert.equal(code, 0);
    const document = JSON.parse(stdout);
    assert.deepEqual(Object.keys(document), ['version', 'source', 'network', 'leases', 'held']);
    assert.deepEqual(document.network, { network: '10.5.0.0/16', backend: 'vxlan', subnetLen: 24 });
    const of = (publicIP: string) => document.leases.find((row: { publicIP: string }) => row.publicIP === publicIP);
    const { timeLeft, ...own } = of(host.address);
    assert.ok(timeLeft > 86_000 && timeLeft <= 86_400);
    assert.deepEqual(own.problems, []);
    assert.match(own.vtepMAC, /^[0-9a-f:]{17}$/);
    assert.deepEqual(of(peers[0]!.publicIP), {
      subnet: peers[0]!.subnet,
      publicIP: peers[0]!.publicIP,
      backend: 'vxlan',
      vtepMAC: peers[0]!.mac,
      vni: 1,
      timeLeft: null,
      key: `${PREFIX}/subnets/${peers[0]!.subnet.replace('/', '-')}`,
      problems: [],
    });
    const wrong = document.leases.find((row: { subnet: string }) => row.subnet === '10.5.210.0/24');
    assert.match(wrong.problems.join(), /backend is host-gw/);
    assert.deepEqual(
      document.held.map(({ why }: { why: string }) => why),
      ['malformed key'],
    );

    const table = (await host.selvage(['leases', '--format=table'])).stdout;
    assert.match(table, /SUBNET +HOST +BACKEND +VTEP +TIME LEFT +WRONG WITH IT/);
    assert.match(table, /10\.5\.200\.0\/24 +172\.20\.0\.0 +vxlan 1 +02:5e:00:00:00:00 +permanent/);
    const markdown = (await host.selvage(['leases', '--format=markdown'])).stdout;
    assert.match(
      markdown,
      /\| 10\.5\.200\.0\/24 \| 172\.20\.0\.0 \| vxlan 1 \| 02:5e:00:00:00:00 \| permanent \| {2}\|/,
    );
    await lab.etcd.etcdctl('del', `${PREFIX}/subnets/10.5.210.0-24`);
    await lab.etcd.etcdctl('del', `${PREFIX}/subnets/rubbish`);
  });
});
