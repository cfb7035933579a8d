import { readFileSync } from 'node:fs';

/** A file of ../shared/golden, beside the checkout. */
export const golden = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../../../shared/golden/${name}`, import.meta.url), 'utf8')) as T;
