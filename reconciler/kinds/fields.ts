/** Owns how two resources are compared field by field. */

/** No field differs; shared, because most of tens of thousands are in sync. */
export const SAME: readonly string[] = [];

/** The names among `fields` in which the two differ. */
export function differing<T extends object>(want: T, have: T, fields: readonly (keyof T & string)[]): string[] {
  return fields.filter((field) => want[field] !== have[field]);
}

/** Whether two resources are alike in every field, also those that no comparison looks at. */
export function identical(a: object | undefined, b: object | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameFields(a, b));
}

function sameFields(a: object, b: object): boolean {
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const name of new Set([...Object.keys(x), ...Object.keys(y)])) {
    const [p, q] = [x[name], y[name]];
    if (p === q) continue;
    if (typeof p !== 'object' || typeof q !== 'object' || p === null || q === null || !sameFields(p, q)) return false;
  }
  return true;
}
