/**
 * Owns the document of `--state-file`: config and leases as etcd would have them, for a network without one.
 *
 *   { "version": 1, "config": {"Network": …}, "leases": { "10.5.34.0/24": {"PublicIP": …}, … } }
 *
 * - A lease's name is its key under `subnets/`, written with "-" as in etcd or with "/".
 * - A value is the JSON that etcd would hold, or a text where that is no JSON; so any store can be written down, and read back the same.
 */
import * as z from 'zod';
import { configKey, subnetsPrefix } from '../../config/lease-key.ts';

/** Taken as it is: no name in it means anything here. */
const value = z.custom<object | string>(
  (json) => typeof json === 'string' || (typeof json === 'object' && json !== null && !Array.isArray(json)),
  'must be an object, or a text',
);

const schema = z.strictObject({
  version: z.literal(1, 'must be 1'),
  config: value.optional(),
  leases: z.record(z.string().min(1), value).default({}),
});

const textOf = (json: object | string): string => (typeof json === 'string' ? json : JSON.stringify(json));

/** "10.5.34.0/24" → "10.5.34.0-24"; any other name as it is. */
const nameOf = (name: string): string =>
  /^[\d.]+\/\d+(&[\da-f:]+\/\d+)?$/.test(name) ? name.replaceAll('/', '-') : name;

/** What a document says, by full key under `prefix`. @throws Error with what is wrong, in a few words */
export function parseStateFile(text: string, prefix: string): Map<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`it is no JSON (${(cause as Error).message})`, { cause });
  }
  const { success, data, error } = schema.safeParse(json);
  if (!success) {
    const { path, message } = error.issues[0]!;
    throw new Error(`${path.length ? `${path.join('.')}: ` : ''}${message}`, { cause: error });
  }
  const values = new Map<string, string>();
  if (data.config !== undefined) values.set(configKey(prefix), textOf(data.config));
  for (const [name, lease] of Object.entries(data.leases)) {
    const key = `${subnetsPrefix(prefix)}/${nameOf(name)}`;
    if (values.has(key)) throw new Error(`leases: ${name} is there twice`);
    values.set(key, textOf(lease));
  }
  return values;
}

/** A text's JSON if that writes it again to the byte, else the text. */
function jsonOf(text: string): object | string {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) && JSON.stringify(json) === text
      ? json
      : text;
  } catch {
    return text;
  }
}

/** The document that says the same as a store with that config and those leases (`values` by name under `subnets/`). */
export function formatStateFile(config: string | undefined, leases: ReadonlyMap<string, string>): string {
  const lines = [...leases].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  // A lease a line: to be read, and compared line by line.
  const body = lines.map(([name, text]) => `    ${JSON.stringify(name)}: ${JSON.stringify(jsonOf(text))}`).join(',\n');
  const head = config === undefined ? '' : `  "config": ${JSON.stringify(jsonOf(config))},\n`;
  return `{\n  "version": 1,\n${head}  "leases": {${body ? `\n${body}\n  ` : ''}}\n}\n`;
}
