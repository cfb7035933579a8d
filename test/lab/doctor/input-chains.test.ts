/** What a host's own packet filter does to the tunnel's packets, judged from real rules of every tool, against what really becomes of a packet. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inputChains } from '../../../drivers/doctor/input-chains.ts';
import { inNetns } from '../../../drivers/netlink/netns.ts';
import { type Verdict, verdictOf } from '../../../reconciler/doctor/input.ts';
import { connect, createNetns, type Netns } from '../../helpers/netns.ts';

const PORT = 8472;
/** Each with what is to be said of it; `perhaps` may be either in truth. */
const NFT: [rules: string[], policy: 'accept' | 'drop', expected: Verdict][] = [
  [[], 'accept', 'accepts'],
  [[], 'drop', 'drops'],
  [['udp dport 8472 accept'], 'drop', 'accepts'],
  [['udp dport 8472 counter log accept comment "flannel"'], 'drop', 'accepts'],
  [['udp dport 4789 accept', 'tcp dport 8472 accept'], 'drop', 'drops'],
  [['meta l4proto udp accept'], 'drop', 'accepts'],
  [
    ['ct state established,related accept', 'ct state invalid drop', 'iifname "lo" accept', 'tcp dport 22 accept'],
    'drop',
    'drops',
  ],
  [['ct state new accept'], 'drop', 'perhaps'],
  [['iifname "eth0" accept'], 'drop', 'accepts'],
  [['iifname "eth*" udp dport 8472 accept'], 'drop', 'accepts'],
  [['iifname "flannel.1" drop'], 'accept', 'accepts'],
  [['iifname != "eth0" drop'], 'accept', 'accepts'],
  [['ip saddr 10.9.0.0/16 accept'], 'drop', 'perhaps'],
  [['udp dport { 53, 8472 } accept'], 'drop', 'perhaps'],
  [['udp dport 8472 reject'], 'accept', 'drops'],
  [['udp dport 8000-9000 drop'], 'accept', 'perhaps'],
  [['ct state vmap { established : accept, new : drop }'], 'accept', 'perhaps'],
];
const NOT_LOCAL = ['-m addrtype --dst-type LOCAL -j RETURN', '-j DROP'];
/** As ufw has it: what is to this host itself goes on, in a chain of its own. */
const IPTABLES: [rules: string[], policy: 'ACCEPT' | 'DROP', expected: Verdict, more?: string[]][] = [
  [[], 'DROP', 'drops'],
  [['-p udp --dport 8472 -j ACCEPT'], 'DROP', 'accepts'],
  [['-p udp --dport 53 -j ACCEPT', '-p tcp --dport 22 -j ACCEPT'], 'DROP', 'drops'],
  [['-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-i lo -j ACCEPT', '-j REJECT'], 'ACCEPT', 'drops'],
  [['-j LOG', '-j ACCEPT'], 'DROP', 'accepts'],
  [['-p udp --sport 67 --dport 68 -j ACCEPT'], 'DROP', 'drops'],
  [['-s 10.9.0.0/16 -p udp --dport 8472 -j ACCEPT'], 'DROP', 'perhaps'],
  [['-j MORE', '-p udp --dport 8472 -j ACCEPT'], 'DROP', 'accepts', NOT_LOCAL],
  [['-j MORE', '-p tcp --dport 22 -j ACCEPT'], 'DROP', 'drops', NOT_LOCAL],
  [['-j MORE', '-j ACCEPT'], 'DROP', 'perhaps', ['-s 10.9.0.0/16 -j RETURN', '-j DROP']],
];

describe("the packet filter's say about the tunnel's packets", () => {
  let ns: Netns;
  let peer: Netns;
  before(async () => {
    [ns, peer] = await Promise.all([createNetns('input'), createNetns('peer')]);
    await connect(peer, 'eth0', ns, 'eth0');
    await ns.ip('address', 'add', '10.1.1.1/24', 'dev', 'eth0');
    await peer.ip('address', 'add', '10.1.1.2/24', 'dev', 'eth0');
  });
  after(async () => {
    await ns?.destroy();
    await peer?.destroy();
  });
  const said = (): Verdict[] =>
    inNetns(ns.path, () => inputChains({ port: PORT, uplink: 'eth0' }) ?? []).map(verdictOf);
  /** Whether the kernel answers that nobody listens there: then the packet has come in. */
  const arrives = async (ms: number): Promise<boolean> => {
    const script = `const s = require('dgram').createSocket('udp4'); s.on('error', () => process.exit(0)); s.connect(${PORT}, '10.1.1.1', () => s.send('x')); setTimeout(() => process.exit(1), ${ms});`;
    return (await peer.exec(process.execPath, '-e', script)).code === 0;
  };

  for (const [rules, policy, expected] of NFT)
    it(`nft, policy ${policy}: ${rules.join('; ') || 'no rule'}`, async () => {
      const chain = `add table inet t; add chain inet t in { type filter hook input priority 0; policy ${policy}; }`;
      const { stderr } = await ns.exec('nft', [chain, ...rules.map((rule) => `add rule inet t in ${rule}`)].join('; '));
      assert.equal(stderr, '');
      try {
        assert.deepEqual(said(), [expected]);
        // A reject answers as a closed port does.
        const isTold = rules.some((rule) => rule.endsWith('reject'));
        // What is let in is answered at once, but who is to hear it may have to wait for a busy machine.
        if (expected === 'accepts') assert.ok(await arrives(20_000));
        if (expected === 'drops' && !isTold) assert.equal(await arrives(400), false);
      } finally {
        await ns.exec('nft', 'delete table inet t');
      }
    });

  for (const tool of ['iptables-nft', 'iptables-legacy'] as const)
    for (const [rules, policy, expected, more = []] of IPTABLES)
      it(`${tool}, policy ${policy}: ${rules.join('; ') || 'no rule'}`, async () => {
        const add = async (chain: string, rule: string) =>
          assert.equal((await ns.exec(tool, '-A', chain, ...rule.split(' '))).stderr, '');
        await ns.exec(tool, '-N', 'MORE');
        for (const rule of more) await add('MORE', rule);
        for (const rule of rules) await add('INPUT', rule);
        await ns.exec(tool, '-P', 'INPUT', policy);
        try {
          const verdicts = said();
          assert.ok(verdicts.includes(expected) || verdicts.every((verdict) => verdict === expected), verdicts.join());
        } finally {
          await ns.exec(tool, '-P', 'INPUT', 'ACCEPT');
          await ns.exec(tool, '-F');
          await ns.exec(tool, '-X', 'MORE');
        }
      });
});
