/**
 * Owns xtables matches and targets as bytes: in nf_tables as iptables-nft's compat expressions, and in iptables-legacy's own tables.
 * Of what we write only MASQUERADE has no native form: iptables-nft calls a whole table incompatible that has nftables' own. Shapes: linux/netfilter/xt_comment.h, xt_mark.h, nf_nat.h (nf_nat_ipv4_multi_range_compat).
 */
import type { Rule, Verdict } from '../../../reconciler/firewall/rule.ts';
import { host32, hostBytes32 } from './attributes.ts';
import { NF_NAT_RANGE_PROTO_RANDOM_FULLY } from './constants.ts';

/** An extension's name, revision and data (hex). */
export interface Extension {
  xt: string;
  revision: number;
  info: string;
}

/** `-j MASQUERADE`: one range without addresses (XT_ALIGN makes its 20 bytes 24). */
export function masqueradeTarget(fullyRandom: boolean): Extension {
  const info = Buffer.alloc(24);
  hostBytes32(1).copy(info, 0);
  hostBytes32(fullyRandom ? NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0).copy(info, 4);
  return { xt: 'MASQUERADE', revision: 0, info: info.toString('hex') };
}

/** Adds what the match says to the rule; false if it isn't understood. */
export function readMatch(rule: Rule, { xt, revision, info }: Extension): boolean {
  const bytes = Buffer.from(info, 'hex');
  if (xt === 'comment' && rule.comment === undefined) {
    const end = bytes.indexOf(0);
    rule.comment = bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
    return true;
  }
  if (xt === 'mark' && revision === 1 && bytes.length >= 9 && !rule.mark) {
    rule.mark = { value: host32(bytes), mask: host32(bytes, 4), ...(bytes[8] ? { not: true } : {}) };
    return true;
  }
  return false;
}

/** Undefined for one that isn't understood. */
export function readTarget({ xt, info }: Extension): Verdict | undefined {
  if (xt !== 'MASQUERADE') return { to: 'other', name: xt };
  const bytes = Buffer.from(info, 'hex');
  const flags = bytes.length >= 8 ? host32(bytes, 4) : 0;
  // With ports or another sort of randomness it is nobody's that we know.
  if (flags & ~NF_NAT_RANGE_PROTO_RANDOM_FULLY) return { to: 'other', name: xt };
  return { to: 'masquerade', fullyRandom: flags !== 0 };
}
