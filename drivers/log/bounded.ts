/** Owns that no log line is longer than a person reads, or has in it what a terminal would obey: it may quote what stands in etcd. */
import type { LoggerOptions } from 'pino';
import { foreign, MOST_SENTENCE } from '../../config/foreign-text.ts';
import { withCure } from '../../config/open-files.ts';

/** For pino: each message, and each text among the fields. Deeper ones are ours (a round's report, which is bounded where it is made). */
export const bounded = {
  formatters: { log: (fields: Record<string, unknown>) => cleaned(fields) },
  hooks: {
    logMethod([fields, message, ...rest], method) {
      const text = typeof message === 'string' ? foreign(withCure(message), MOST_SENTENCE) : message;
      method.apply(this, [fields as object, text, ...rest]);
    },
  },
} satisfies Pick<LoggerOptions, 'formatters' | 'hooks'>;

function cleaned(fields: Record<string, unknown>): Record<string, unknown> {
  for (const value of Object.values(fields)) {
    if (typeof value !== 'string' || foreign(value, MOST_SENTENCE) === value) continue;
    const entries = Object.entries(fields).map(([name, of]) => [
      name,
      typeof of === 'string' ? foreign(of, MOST_SENTENCE) : of,
    ]);
    return Object.fromEntries(entries) as Record<string, unknown>;
  }
  return fields;
}
