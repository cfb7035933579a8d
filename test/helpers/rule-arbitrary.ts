/** Owns random rules for property tests: of what both engines can say, and of what only nft can. */
import fc from 'fast-check';
import { formatIp } from '../../config/ipv4.ts';
import type { Rule, Verdict } from '../../reconciler/firewall/rule.ts';

const net = fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 1, max: 32 })).map(([ip, length]) => {
  const masked = (ip & (length === 32 ? 0xffffffff : ~(0xffffffff >>> length))) >>> 0;
  return `${formatIp(masked)}/${length}`;
});
const not = fc.boolean().map((is) => (is ? { not: true } : {}));
const netMatch = fc.tuple(net, not).map(([of, negated]) => ({ net: of, ...negated }));
const device = fc
  .tuple(fc.constantFrom('flannel.1', 'eth0', 'docker0', 'br-0123456789ab', 'veth+', 'e+'), not)
  .map(([name, negated]) => ({ name, ...negated }));
const mark = fc
  .tuple(fc.integer({ min: 1, max: 0xffffffff }), fc.constantFrom(0xffffffff, 0xff, 0x4000, 0xffff0000), not)
  .map(([value, mask, negated]) => ({ value: (value & mask) >>> 0, mask, ...negated }));
const comment = fc.constantFrom('selvage', 'flanneld masq', 'a "quoted" one', 'x'.repeat(100));

const matches = fc.record(
  { in: device, out: device, src: netMatch, dst: netMatch, mark, comment },
  { requiredKeys: [] },
);

const filterVerdict: fc.Arbitrary<Verdict> = fc.constantFrom<Verdict>(
  { to: 'accept' },
  { to: 'drop' },
  { to: 'return' },
  { to: 'jump', chain: 'SOME' },
  { to: 'goto', chain: 'SOME' },
);

/** Of a filter table's FORWARD, as iptables has it. */
export const filterRule: fc.Arbitrary<Rule> = fc
  .tuple(matches, filterVerdict)
  .map(([rest, verdict]) => ({ ...rest, verdict }));

/** Of a table of ours: NAT, sets and marks too. `out` is known in postrouting only, where `in` is not asked for. */
export const nativeRule: fc.Arbitrary<Rule> = fc
  .tuple(
    matches,
    fc.record({ srcSet: fc.constant('peers') }, { requiredKeys: [] }),
    fc.constantFrom<Verdict>(
      { to: 'accept' },
      { to: 'return' },
      { to: 'keep-source' },
      { to: 'masquerade', fullyRandom: true },
      { to: 'masquerade', fullyRandom: false },
      { to: 'mark', value: 0x1000, mask: 0x1000 },
      { to: 'mark', value: 0x73, mask: 0xff },
    ),
  )
  // A mask of leading ones nft prints as a prefix of a mark, which it can't read again.
  .filter(([{ mark: asked }]) => asked?.mask !== 0xffff0000)
  .map(([{ in: _in, comment: _comment, ...rest }, set, verdict]) => ({
    ...rest,
    ...(rest.src ? {} : set),
    verdict,
  }));
