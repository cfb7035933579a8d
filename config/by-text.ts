/** Owns the order of texts that is the same everywhere: by code units, not by a language. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
