/** Owns writing EC2's XML, by hand: independent of the reader under test. */
export interface Xml {
  [name: string]: string | Xml | Xml[];
}

/** `<xSet><item>…` */
export const list = (items: Xml[]): Xml => ({ item: items });

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

export function xmlText(of: Xml): string {
  return Object.entries(of)
    .map(([name, value]) => {
      if (typeof value === 'string') return `<${name}>${escaped(value)}</${name}>`;
      if (Array.isArray(value)) return value.map((each) => `<${name}>${xmlText(each)}</${name}>`).join('');
      const inside = xmlText(value);
      return inside === '' ? `<${name}/>` : `<${name}>${inside}</${name}>`;
    })
    .join('');
}
