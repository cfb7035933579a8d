/**
 * `selvage drift --format commands`: on random damage the script leaves the host exactly as a repair run would, which is as it was; and what
 * a person reads in it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWithPeers, type Peer } from '../helpers/peers.ts';
import { holds } from '../helpers/property.ts';
import { assertInSync, repair, stateOf } from '../helpers/scenario.ts';
import { runScript } from '../helpers/shell.ts';

const PEERS = 5;
/** Each run is three starts of selvage. */
const RUNS = 6;

let lab: Lab;
let host: LabHost;
let peers: Peer[];
let asItWas: string;
before(async () => {
  ({ lab, host, peers } = await labWithPeers(PEERS));
  await repair(host);
  asItWas = await stateOf(host);
});
after(() => lab?.destroy());

type Damage = (peer: Peer, own: string) => string;

/** Lines for the shell; one that finds nothing to break any more does no harm. */
const DAMAGES: Record<string, Damage> = {
  'device down': () => 'ip link set flannel.1 down',
  'device down and up': () => 'ip link set flannel.1 down; ip link set flannel.1 up',
  'device deleted': () => 'ip link delete flannel.1',
  'device of another port': () =>
    'ip link delete flannel.1; ip link add flannel.1 txqueuelen 0 type vxlan id 1 dstport 9999 nolearning',
  'device without local address': () =>
    'ip link delete flannel.1; ip link add flannel.1 up txqueuelen 0 type vxlan id 1 dstport 8472 nolearning',
  'learning on': () => 'ip link set flannel.1 type vxlan learning',
  'other MAC': () => 'ip link set flannel.1 address 02:00:00:00:be:ef',
  'other MAC, ARP kept': ({ vtep, mac }) =>
    `ip link set flannel.1 address 02:00:00:00:be:ef; ip neighbour replace ${vtep} lladdr ${mac} dev flannel.1 nud permanent`,
  'other MTU': () => 'ip link set flannel.1 mtu 1300',
  'no alias': () => 'ip link set flannel.1 alias ""',
  'no address': (_, own) => `ip address del ${own} dev flannel.1`,
  'second address': () => 'ip address add 10.5.150.0/32 dev flannel.1',
  'route deleted': ({ subnet }) => `ip route del ${subnet}`,
  'route elsewhere': ({ subnet }) => `ip route replace ${subnet} via 10.5.250.0 dev flannel.1 onlink`,
  'route twice': ({ subnet }) => `ip route append ${subnet} via 10.5.250.0 dev flannel.1 onlink proto 115`,
  'route of another metric': ({ subnet, vtep }) =>
    `ip route add ${subnet} via ${vtep} dev flannel.1 onlink metric 7 proto 115`,
  'nexthop deleted': ({ id }) => `ip nexthop del id ${id}`,
  'nexthop elsewhere': ({ id }) => `ip nexthop replace id ${id} via 10.5.250.0 dev flannel.1 onlink proto 115`,
  'ARP deleted': ({ vtep }) => `ip neighbour del ${vtep} dev flannel.1`,
  'ARP elsewhere': ({ vtep }) =>
    `ip neighbour replace ${vtep} lladdr 02:00:00:00:be:ef dev flannel.1 nud permanent protocol 115`,
  'ARP not permanent': ({ vtep, mac }) => `ip neighbour replace ${vtep} lladdr ${mac} dev flannel.1 nud reachable`,
  'FDB deleted': ({ mac }) => `bridge fdb del ${mac} dev flannel.1 self`,
  'FDB elsewhere': ({ mac }) => `bridge fdb replace ${mac} dev flannel.1 dst 172.31.0.1 self permanent`,
  'stale peer': () =>
    [
      'ip neighbour add 10.5.251.0 lladdr 02:00:00:00:00:51 dev flannel.1 nud permanent',
      'bridge fdb add 02:00:00:00:00:51 dev flannel.1 dst 172.31.0.2 self permanent',
      'ip route add 10.5.251.0/24 via 10.5.251.0 dev flannel.1 onlink',
    ].join('; '),
  'subnet.env gone': () => `rm -f ${host.subnetFile}`,
  'subnet.env edited': () => `sed -i s/MTU=1450/MTU=1500/ ${host.subnetFile}`,
};

const ownAddress = () => `${host.containerAddress.replace(/\d+$/, '0')}/32`;

async function scriptOf(): Promise<{ code: number; script: string }> {
  const { code, stdout, stderr } = await host.selvage(['drift', '--format=commands']);
  assert.ok(code === 0 || code === 2, `${code} ${stderr}`);
  return { code, script: stdout };
}

/** After a run that failed, so that a smaller one is not judged by what that left. */
async function startAgain(): Promise<void> {
  if ((await stateOf(host)) === asItWas) return;
  await host.ip('link', 'delete', 'flannel.1');
  await repair(host);
}

describe('the repair as a script', () => {
  it('leaves the host as a repair run does, whatever was damaged', async (t) => {
    const own = ownAddress();
    const damage = fc.record({ what: fc.constantFrom(...Object.keys(DAMAGES)), peer: fc.nat(PEERS - 1) });
    await holds(
      t,
      fc.array(damage, { minLength: 1, maxLength: 8 }),
      async (damages) => {
        await startAgain();
        await runScript(host, damages.map(({ what, peer }) => DAMAGES[what]!(peers[peer]!, own)).join('\n'));
        const { script } = await scriptOf();
        const run = await runScript(host, script);
        assert.equal(run.code, 0, `${run.stderr}\n${script}`);
        assert.equal(run.stderr, '', script);
        const left = await stateOf(host);
        const { drift } = await repair(host);
        assert.deepEqual(drift, [], script);
        assert.equal(left, asItWas, script);
      },
      RUNS,
    );
  });

  it('says what each part is for, and is empty but for comments where all is well', async () => {
    await assertInSync(host);
    const whole = await scriptOf();
    assert.equal(whole.code, 0);
    assert.deepEqual(
      whole.script.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
      ['set -eu'],
    );
    const [one, other] = [peers[0]!, peers[1]!];
    await host.ip('route', 'del', one.subnet);
    await host.ns.ipBatch([`route del ${other.subnet}`, `route add ${other.subnet} via 192.168.64.1 proto static`]);
    const { code, script } = await scriptOf();
    assert.equal(code, 2);
    assert.match(script, /^#!\/bin\/sh\n# \S+ \(eth0, /);
    assert.ok(script.includes(`# Held, and not in this script: route ${other.subnet}: `), script);
    const line = `route add ${one.subnet} table 254 nhid ${one.id} protocol 115  # host ${one.publicIP}`;
    assert.ok(script.includes(`\nip -batch - <<'END'\n# route: missing\n${line}\n`), script);
    assert.equal((await runScript(host, script)).code, 0);
    await host.ip('route', 'del', other.subnet);
    await repair(host);
  });

  it('goes with drift only', async () => {
    const { code, stderr } = await host.selvage(['--once', '--format=commands']);
    assert.equal(code, 64);
    assert.match(stderr, /goes with selvage drift only/);
  });
});
