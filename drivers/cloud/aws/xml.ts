/** Owns reading EC2's XML answers: lists are always `<xSet><item>…`, everything else is text. */
import { XMLParser } from 'fast-xml-parser';

/** An element with children; a leaf is text. Names are as in the answer. */
export interface Element {
  [name: string]: Element | Element[] | string | undefined;
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  isArray: (name) => name === 'item' || name === 'Error',
});

/** The document's one element. @throws Error for what is no XML */
export function readXml(text: string): { name: string; element: Element } {
  const parsed: Record<string, Element | string> = parser.parse(text, true);
  const [entry] = Object.entries(parsed);
  if (!entry) throw new Error('an empty answer');
  return { name: entry[0], element: typeof entry[1] === 'object' ? entry[1] : {} };
}

/** The items of `<xSet>`, those that are elements. */
export function items(of: Element, set: string): Element[] {
  const inside = child(of, set)?.item;
  return Array.isArray(inside) ? inside.filter((item) => typeof item === 'object') : [];
}

export function child(of: Element, name: string): Element | undefined {
  const inside = of[name];
  return typeof inside === 'object' && !Array.isArray(inside) ? inside : undefined;
}

/** "" for one that is not there. */
export function text(of: Element, name: string): string {
  const inside = of[name];
  return typeof inside === 'string' ? inside : '';
}
