/**
 * JSON as Go's encoding/json reads it into a struct, because flannel does and hosts must agree on what a config
 * says (docs/reference/flannel.md#network-config).
 *
 * - Keys match whatever their ASCII case; unknown ones are ignored; every occurrence is read, in document order, so the last one wins.
 * - An integer is digits only: 24.0, 2.4e1 and "24" are none.
 * - null leaves a string, number or bool as it was. What it does to other fields is the field's own business.
 */

import { ConfigError } from './errors.ts';
import { foreign } from './foreign-text.ts';
import type { JsonNode } from './json-reader.ts';

/** How to read each field of a struct into `target`; keys are spelt as flannel writes them. */
type StructFields<T> = ReadonlyMap<string, (target: T, value: JsonNode) => void>;

/** Keys as Go folds them: ASCII case, and the two letters beyond ASCII that fold into it (U+017F ſ, U+212A K). */
const fold = (name: string): string =>
  name.replace(/[A-Z\u017f\u212a]/g, (c) => (c === '\u017f' ? 's' : c === '\u212a' ? 'k' : c.toLowerCase()));

/** Field table for decodeStruct: exact spelling first, then the folded one. */
export function structFields<T>(fields: Record<string, (target: T, value: JsonNode) => void>): StructFields<T> {
  const table = new Map(Object.entries(fields));
  for (const [name, read] of Object.entries(fields)) table.set(fold(name), read);
  return table;
}

/** Reads an object's members into `target`, in document order. null changes nothing. @throws ConfigError if it is no object. */
export function decodeStruct<T>(node: JsonNode, target: T, fields: StructFields<T>, field: string): T {
  if (node.kind === 'null') return target;
  if (node.kind !== 'object') {
    throw new ConfigError(field, `${field || 'The text'} is ${show(node)}, but must be a JSON object.`);
  }
  for (const { name, value } of node.members) (fields.get(name) ?? fields.get(fold(name)))?.(target, value);
  return target;
}

/** A value for a message, shortened. */
export const show = (node: JsonNode): string => foreign(node.raw);

/** The string, or `keep` for null. @throws ConfigError */
export function stringOf(node: JsonNode, field: string, keep: string): string {
  if (node.kind === 'null') return keep;
  if (node.kind !== 'string') throw new ConfigError(field, `${field} is ${show(node)}, but must be text in quotes.`);
  return node.raw.includes('\\') ? (JSON.parse(node.raw) as string) : node.raw.slice(1, -1);
}

/** The bool, or `keep` for null. @throws ConfigError */
export function boolOf(node: JsonNode, field: string, keep: boolean): boolean {
  if (node.kind === 'null') return keep;
  if (node.kind !== 'bool') {
    throw new ConfigError(field, `${field} is ${show(node)}, but must be true or false, without quotes.`);
  }
  return node.raw === 'true';
}

/** The integer, or `keep` for null. `right` says what would be, as "1 to 30". @throws ConfigError unless it is an integer from `min` to `max`. */
export function intOf(
  node: JsonNode,
  field: string,
  keep: number,
  bounds: { min: number; max: number; right: string },
): number {
  if (node.kind === 'null') return keep;
  const value = node.kind === 'number' && /^(0|-?[1-9]\d*)$/.test(node.raw) ? Number(node.raw) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  const how = Number.isNaN(value) ? 'a whole number without quotes or a fraction' : 'in range';
  throw new ConfigError(field, `${field} is ${show(node)}, but must be ${how}: use ${bounds.right}.`);
}
