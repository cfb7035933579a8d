/**
 * Every shape of Docker's rules, in every engine, with packets: peer → container, container → peer, and which source the peer sees.
 * The rows of docs/firewall.md's table; first without us, so that the row would fail if the rules did nothing.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { converge, factsOf } from '../../helpers/firewall-converge.ts';
import {
  CONTAINER,
  type FirewallHosts,
  feed,
  firewallHosts,
  PEER,
  PEER_HOST,
  reaches,
  sourcesSeen,
} from '../../helpers/firewall-hosts.ts';
import { type DockerShape, IPTABLES, NFT } from '../../helpers/docker-rules.ts';

type Engine = 'iptables-nft' | 'iptables-legacy';

interface Seen {
  in: boolean;
  out: boolean;
  source: string[];
}

async function look({ container, peer }: FirewallHosts): Promise<Seen> {
  await sourcesSeen(peer);
  const comesIn = await reaches(peer, CONTAINER, PEER);
  const out = await reaches(container, PEER);
  return { in: comesIn, out, source: await sourcesSeen(peer) };
}

async function load({ host }: FirewallHosts, shape: DockerShape, engines: readonly Engine[]): Promise<void> {
  for (const engine of engines) {
    const text = IPTABLES[shape];
    if (text !== undefined) await feed(host, `${engine}-restore`, [], text);
  }
  const native = NFT[shape];
  if (native !== undefined) await feed(host, 'nft', ['-f', '-'], native);
}

const KEPT = { in: true, out: true, source: [CONTAINER] };

async function row(t: TestContext, shape: DockerShape, engines: readonly Engine[], before: Partial<Seen>): Promise<FirewallHosts> {
  const hosts = await firewallHosts(t);
  await load(hosts, shape, engines);
  assert.deepEqual({ ...(await look(hosts)), ...pickless(before) }, { ...KEPT, ...before, ...pickless(before) }, 'without us');
  await converge(hosts, factsOf());
  assert.deepEqual(await look(hosts), KEPT, 'with us');
  await outside(hosts, true);
  await converge(hosts, factsOf({ ipMasq: false }));
  assert.deepEqual(await look(hosts), KEPT, 'without --ip-masq');
  return hosts;
}

/** A row says what it knows of the state without us; the rest is left out of the comparison. */
const pickless = (before: Partial<Seen>): Partial<Seen> =>
  Object.fromEntries(['in', 'out', 'source'].filter((name) => !(name in before)).map((name) => [name, undefined]));

/** What leaves the network is masqueraded to the external interface's address. */
async function outside({ container, peer }: FirewallHosts, masqueraded: boolean): Promise<void> {
  await sourcesSeen(peer);
  assert.equal(await reaches(container, PEER_HOST), true, 'container → outside');
  assert.deepEqual(await sourcesSeen(peer), [masqueraded ? '192.168.64.1' : CONTAINER]);
}

const HIDDEN = ['10.5.1.0'];
const ENGINES: readonly (readonly Engine[])[] = [['iptables-nft'], ['iptables-legacy'], ['iptables-nft', 'iptables-legacy']];

for (const engines of ENGINES) {
  const name = engines.join(' and ');
  test(`Docker 20 to 27 in ${name}`, async (t) => {
    const hosts = await row(t, 'docker20', engines, { in: false, out: true, source: HIDDEN });
    // Docker acts: its jumps come first again.
    for (const engine of engines) {
      await hosts.host.exec(engine, '-D', 'FORWARD', '-j', 'DOCKER-USER');
      await hosts.host.exec(engine, '-I', 'FORWARD', '-j', 'DOCKER-ISOLATION-STAGE-1');
      await hosts.host.exec(engine, '-I', 'FORWARD', '-j', 'DOCKER-USER');
    }
    assert.equal((await look(hosts)).in, true, 'after Docker has put its jumps first again');
  });
  test(`Docker 28.2 in ${name}`, async (t) => {
    await row(t, 'docker28', engines, { in: false });
  });
  test(`Docker 28.2 with allow-direct-routing in ${name}`, async (t) => {
    await row(t, 'docker28-direct', engines, { in: false, out: true, source: HIDDEN });
  });
}

test("Docker 29's nftables backend with its two settings", async (t) => {
  await row(t, 'docker29-nft-open', [], { in: false, out: true, source: HIDDEN });
});

test('a host without any firewall', async (t) => {
  const hosts = await firewallHosts(t);
  const changes = await converge(hosts, factsOf());
  assert.deepEqual(await look(hosts), KEPT);
  await outside(hosts, true);
  assert.deepEqual(changes.map(({ op, want }) => [op, want?.table]), [['create', 'selvage']]);
});
