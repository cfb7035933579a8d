/** Owns the reading of `nft -j list`, as an oracle for the codec: the same words as nftText, from nft's own JSON. */

type Json = Record<string, unknown>;

/** Of each rule of a chain, in order. */
export function rulesOfJson(text: string, table: string, chain: string): string[] {
  const { nftables } = JSON.parse(text) as { nftables: { rule?: Json }[] };
  return nftables.flatMap(({ rule }) =>
    rule?.table === table && rule.chain === chain
      ? [
          (rule.expr as Json[])
            .map(statement)
            .filter((s) => s !== '')
            .join(' '),
        ]
      : [],
  );
}

function statement(expr: Json): string {
  const [name, value] = Object.entries(expr)[0]!;
  const v = value as Json;
  switch (name) {
    case 'counter':
      return '';
    case 'match':
      return match(v);
    case 'accept':
    case 'drop':
    case 'return':
      return name;
    case 'jump':
    case 'goto':
      return `${name} ${v.target}`;
    case 'masquerade':
      return v?.flags === undefined ? 'masquerade' : `masquerade ${v.flags}`;
    case 'snat':
      return `snat to ${operand(v.addr)}`;
    case 'mangle':
      return `${operand(v.key)} set ${operand(v.value)}`;
    default:
      return `[${name}]`;
  }
}

function match({ op, left, right }: Json): string {
  const isMask = typeof left === 'object' && left !== null && '&' in left;
  const is = op === '!=' ? ' !=' : isMask ? ' ==' : '';
  const l = operand(left);
  return `${l}${is} ${l.endsWith('ifname') ? JSON.stringify(right) : operand(right)}`;
}

const hex8 = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

function operand(value: unknown): string {
  if (typeof value === 'number') return hex8(value);
  if (typeof value === 'string') return value;
  const [name, inner] = Object.entries(value as Json)[0]!;
  const v = inner as Json;
  if (name === 'meta') return String(v.key).endsWith('ifname') ? String(v.key) : `meta ${v.key}`;
  if (name === 'payload') return `${v.protocol} ${v.field}`;
  if (name === 'prefix') return `${v.addr}/${v.len}`;
  if (name === '&' || name === '|') return (inner as unknown[]).map(operand).join(` ${name} `);
  return `[${name}]`;
}
