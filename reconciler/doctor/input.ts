/**
 * Owns whether this host's own packet filter lets the tunnel's packets in. Foreign rules are not evaluated exactly: what isn't understood may
 * drop, and then a probe decides.
 */
import type { Rule } from '../firewall/rule.ts';

/** What a rule's own matches say of a UDP packet to the tunnel's port. */
export type Meets = 'meets' | 'misses' | 'perhaps';

export interface InputRule {
  verdict: Rule['verdict'];
  meets: Meets;
}

/** A chain that packets to this host come to. */
export interface InputChain {
  /** "nft inet filter input" */
  name: string;
  policy: 'accept' | 'drop';
  rules: readonly InputRule[];
  /** Those that its rules lead to, by name. */
  others: ReadonlyMap<string, readonly InputRule[]>;
}

export type Verdict = 'accepts' | 'drops' | 'perhaps';

/** Targets that let a packet go on. */
const GOES_ON = /^(LOG|NFLOG|MARK|CONNMARK|SET|CT|NOTRACK|TRACE|limit|log|counter|notrack|dynset)$/;
/** Deeper than anybody's rules. */
const MOST_DEPTH = 16;

/** Where a packet has got to, and what may have become of it before. */
interface Walk {
  end: 'accepts' | 'drops' | 'on';
  mayAccept: boolean;
  mayDrop: boolean;
}

export function verdictOf(chain: InputChain): Verdict {
  const { end, mayAccept, mayDrop } = walk(chain.rules, chain.others, 0);
  const last = end === 'on' ? (chain.policy === 'drop' ? 'drops' : 'accepts') : end;
  if (last === 'accepts') return mayDrop ? 'perhaps' : 'accepts';
  return mayAccept ? 'perhaps' : 'drops';
}

function walk(rules: readonly InputRule[], others: InputChain['others'], depth: number): Walk {
  let [mayAccept, mayDrop, mayReturn] = [false, false, false];
  for (const { verdict, meets } of rules) {
    if (meets === 'misses') continue;
    if (verdict.to === 'return' && meets === 'meets') break;
    mayReturn ||= verdict.to === 'return';
    const its = effectOf(verdict, others, depth);
    mayAccept ||= its.mayAccept || (its.end === 'accepts' && (mayReturn || meets === 'perhaps'));
    mayDrop ||= its.mayDrop || (its.end === 'drops' && (mayReturn || meets === 'perhaps'));
    if (its.end === 'on' || meets !== 'meets') continue;
    // A packet that may have left before gets no further than here, but perhaps past it.
    return { end: mayReturn ? 'on' : its.end, mayAccept, mayDrop };
  }
  return { end: 'on', mayAccept, mayDrop };
}

const surely = (end: Walk['end']): Walk => ({ end, mayAccept: false, mayDrop: false });

function effectOf(verdict: Rule['verdict'], others: InputChain['others'], depth: number): Walk {
  const open: Walk = { end: 'on', mayAccept: true, mayDrop: true };
  switch (verdict.to) {
    case 'accept':
      return surely('accepts');
    case 'drop':
      return surely('drops');
    case 'jump':
    case 'goto': {
      const next = others.get(verdict.chain);
      return !next || depth >= MOST_DEPTH ? open : walk(next, others, depth + 1);
    }
    case 'other':
      if (/^reject$/i.test(verdict.name)) return surely('drops');
      return GOES_ON.test(verdict.name) ? surely('on') : open;
    default:
      return surely('on');
  }
}
