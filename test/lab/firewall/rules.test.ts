/** What our rules do beside others' rules, and for whom they are: with packets, on one host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IPTABLES } from '../../helpers/docker-rules.ts';
import { converge, factsOf, rulesetOf } from '../../helpers/firewall-converge.ts';
import {
  CONTAINER,
  feed,
  firewallHosts,
  PEER,
  PEER_HOST,
  reaches,
  STRANGER,
  sourcesSeen,
} from '../../helpers/firewall-hosts.ts';

for (const iptables of ['iptables-nft', 'iptables-legacy']) {
  test(`a user's own DROP in DOCKER-USER still drops, also one that is appended later (${iptables})`, async (t) => {
    const hosts = await firewallHosts(t);
    const { host, peer } = hosts;
    await feed(host, `${iptables}-restore`, [], IPTABLES.docker20!);
    await host.exec(iptables, '-I', 'DOCKER-USER', '-s', '10.5.2.7/32', '-j', 'DROP');
    await converge(hosts, factsOf());
    const listed = async (): Promise<string[]> =>
      (await host.exec(iptables, '-S', 'DOCKER-USER')).stdout.trim().split('\n');
    const ours = '-A DOCKER-USER -m comment --comment selvage -j SELVAGE-FWD';
    assert.deepEqual(await listed(), [
      '-N DOCKER-USER',
      '-A DOCKER-USER -s 10.5.2.7/32 -j DROP',
      ours,
      '-A DOCKER-USER -j RETURN',
    ]);
    await host.exec(iptables, '-D', 'DOCKER-USER', '-j', 'RETURN');
    await host.exec(iptables, '-A', 'DOCKER-USER', '-s', PEER, '-j', 'DROP');
    assert.equal(await reaches(peer, CONTAINER, PEER), true, 'the rule was appended behind ours');
    await converge(hosts, factsOf());
    assert.equal((await listed()).at(-1), ours);
    assert.equal(await reaches(peer, CONTAINER, PEER), false, "the user's DROP wins");
    await host.exec(iptables, '-D', 'DOCKER-USER', '-s', PEER, '-j', 'DROP');
    assert.equal(await reaches(peer, CONTAINER, PEER), true);
  });

  test(`iptables shows our rules and takes them away; after a flush FORWARD is where we are (${iptables})`, async (t) => {
    const hosts = await firewallHosts(t);
    const { host, peer } = hosts;
    await feed(host, `${iptables}-restore`, [], IPTABLES.docker28!);
    await converge(hosts, factsOf());
    const { stdout } = await host.exec(iptables, '-S', 'SELVAGE-FWD');
    assert.deepEqual(stdout.trim().split('\n'), [
      '-N SELVAGE-FWD',
      '-A SELVAGE-FWD -d 10.5.1.0/24 -i flannel.1 -j ACCEPT',
      '-A SELVAGE-FWD -s 10.5.1.0/24 -o flannel.1 -j ACCEPT',
    ]);
    const raw = '-s 10.5.0.0/16 -d 10.5.1.0/24 -i flannel.1 -m comment --comment selvage -j ACCEPT'.split(' ');
    assert.equal((await host.exec(iptables, '-t', 'raw', '-C', 'PREROUTING', ...raw)).code, 0);
    assert.equal((await host.exec(iptables, '-t', 'raw', '-D', 'PREROUTING', ...raw)).code, 0);
    const jump = ['DOCKER-USER', '-m', 'comment', '--comment', 'selvage', '-j', 'SELVAGE-FWD'];
    assert.equal((await host.exec(iptables, '-D', ...jump)).code, 0);
    assert.equal(await reaches(peer, CONTAINER, PEER), false);
    await converge(hosts, factsOf());
    assert.equal(await reaches(peer, CONTAINER, PEER), true);

    await host.exec(iptables, '-F');
    assert.equal(await reaches(peer, CONTAINER, PEER), false, 'policy DROP, and no rule left');
    await converge(hosts, factsOf());
    assert.equal(await reaches(peer, CONTAINER, PEER), true);
    const forward = (await host.exec(iptables, '-S', 'FORWARD')).stdout;
    assert.match(forward, /^-P FORWARD DROP\n-A FORWARD -m comment --comment selvage -j SELVAGE-FWD$/m);
    // Docker is back: its jumps come first, and ours is behind the user's rules again.
    await host.exec(iptables, '-I', 'FORWARD', '-j', 'DOCKER-FORWARD');
    await host.exec(iptables, '-I', 'FORWARD', '-j', 'DOCKER-USER');
    await converge(hosts, factsOf());
    assert.doesNotMatch((await host.exec(iptables, '-S', 'FORWARD')).stdout, /SELVAGE/);
    assert.match((await host.exec(iptables, '-S', 'DOCKER-USER')).stdout, /SELVAGE-FWD/);
    // Nothing that could drop any more: nothing of ours is left there either.
    await host.exec(iptables, '-P', 'FORWARD', 'ACCEPT');
    await converge(hosts, factsOf({ forwardRules: false }));
    assert.doesNotMatch((await host.exec(`${iptables}-save`)).stdout, /selvage/i);
  });
}

test('without a tunnel peers reach containers from their own addresses too, strangers on the LAN do not', async (t) => {
  const hosts = await firewallHosts(t);
  const { host, peer, container } = hosts;
  await peer.ip('route', 'replace', '10.5.1.0/24', 'via', '192.168.64.1');
  await host.ip('route', 'replace', '10.5.2.0/24', 'via', PEER_HOST);
  await feed(host, 'iptables-nft-restore', [], IPTABLES.docker28!);
  const facts = factsOf({ tunnels: [], direct: 'eth0', directPeers: [PEER_HOST] });
  await converge(hosts, facts);
  assert.equal(await reaches(peer, CONTAINER, PEER), true, 'from its container');
  assert.equal(await reaches(peer, CONTAINER, PEER_HOST), true, 'from the peer itself');
  assert.equal(await reaches(peer, CONTAINER, STRANGER), false, 'from a stranger');
  await sourcesSeen(peer);
  assert.equal(await reaches(container, PEER), true);
  assert.deepEqual(await sourcesSeen(peer), [CONTAINER]);
  await converge(hosts, { ...facts, directPeers: [] });
  assert.equal(await reaches(peer, CONTAINER, PEER_HOST), false, 'it is no peer any more');
});

test("two instances have a table and a chain each, and don't push each other aside", async (t) => {
  const hosts = await firewallHosts(t);
  const { host, peer } = hosts;
  await feed(host, 'iptables-nft-restore', [], IPTABLES.docker20!);
  await host.exec('iptables-nft', '-F', 'FORWARD');
  await host.exec('iptables-nft', '-A', 'FORWARD', '-j', 'DROP');
  const other = factsOf({
    prefix: '/other/network',
    ranges: [{ network: '10.6.0.0/16', subnet: '10.6.1.0/24' }],
    tunnels: ['flannel.2'],
  });
  await converge(hosts, factsOf());
  await converge(hosts, other);
  assert.deepEqual(await converge(hosts, factsOf()), [], 'the first finds nothing to do');
  assert.deepEqual(await converge(hosts, other), [], 'nor does the other');
  assert.equal(await reaches(peer, CONTAINER, PEER), true);
  const tables = rulesetOf(hosts).tables.map(({ name }) => name);
  assert.deepEqual(tables.filter((name) => name.startsWith('selvage')).length, 2);
});
