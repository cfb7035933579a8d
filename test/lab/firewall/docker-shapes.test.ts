/**
 * Every shape of Docker's rules, in every engine, with packets: peer → container, container → peer, and which source the peer sees.
 * The rows of docs/firewall.md's table; first without us, so that the row would fail if the rules did nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DockerShape, IPTABLES, NFT } from '../../helpers/docker-rules.ts';
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
const HIDDEN = ['10.5.1.0'];

/** Of what is seen, those fields that a row says something of. */
const pick = (seen: Seen, of: Partial<Seen>): Partial<Seen> =>
  Object.fromEntries(Object.entries(seen).filter(([name]) => name in of));

async function row(
  hosts: FirewallHosts,
  shape: DockerShape,
  engines: readonly Engine[],
  before: Partial<Seen>,
): Promise<void> {
  await reset(hosts);
  await load(hosts, shape, engines);
  assert.deepEqual(pick(await look(hosts), before), before, `${shape} without us`);
  await converge(hosts, factsOf());
  assert.deepEqual(await look(hosts), KEPT, `${shape} with us`);
  assert.equal(await outside(hosts), '192.168.64.1', `${shape}: container → outside is masqueraded`);
  await converge(hosts, factsOf({ ipMasq: false }));
  assert.deepEqual(await look(hosts), KEPT, `${shape} without --ip-masq`);
}

/** As if there had never been a rule; what the older tables have left of themselves accepts everything. */
async function reset({ host, container }: FirewallHosts): Promise<void> {
  await host.exec('nft', 'flush', 'ruleset');
  const legacy = (await host.exec('cat', '/proc/net/ip_tables_names')).stdout.split('\n').filter((name) => name !== '');
  const empty = legacy.map((table) => `*${table}\n${table === 'filter' ? ':FORWARD ACCEPT\n' : ''}COMMIT\n`).join('');
  if (empty !== '') await feed(host, 'iptables-legacy-restore', [], empty);
  await container.ip('neigh', 'flush', 'all');
}

/** The source that somebody outside the network sees. */
async function outside({ container, peer }: FirewallHosts): Promise<string> {
  await sourcesSeen(peer);
  assert.equal(await reaches(container, PEER_HOST), true, 'container → outside');
  return (await sourcesSeen(peer)).join(' ');
}

const ENGINES: readonly (readonly Engine[])[] = [
  ['iptables-nft'],
  ['iptables-legacy'],
  ['iptables-nft', 'iptables-legacy'],
];

for (const engines of ENGINES) {
  test(`Docker 20 to 28.2 in ${engines.join(' and ')}`, async (t) => {
    const hosts = await firewallHosts(t);
    await row(hosts, 'docker20', engines, { in: false, out: true, source: HIDDEN });
    // Docker acts: its jumps come first again.
    for (const engine of engines) {
      const first = ['-I', 'FORWARD', '-j'];
      await hosts.host.exec(engine, '-D', 'FORWARD', '-j', 'DOCKER-USER');
      await hosts.host.exec(engine, ...first, 'DOCKER-ISOLATION-STAGE-1');
      await hosts.host.exec(engine, ...first, 'DOCKER-USER');
    }
    assert.equal((await look(hosts)).in, true, 'after Docker has put its jumps first again');
    await row(hosts, 'docker28', engines, { in: false });
    await row(hosts, 'docker28-direct', engines, { in: false, out: true, source: HIDDEN });
  });
}

test("Docker 29's nftables backend with its two settings, and no firewall at all", async (t) => {
  const hosts = await firewallHosts(t);
  const changes = await converge(hosts, factsOf());
  assert.deepEqual(await look(hosts), KEPT, 'no firewall');
  assert.deepEqual(
    changes.map(({ op, want }) => [op, want?.table]),
    [['create', 'selvage']],
  );
  await row(hosts, 'docker29-nft-open', [], { in: false, out: true, source: HIDDEN });
});
