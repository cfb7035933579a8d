/** What a flag's value must be beyond its type, as zod schemas. A message completes the sentence "--flag is VALUE, but must be …". */

import { isIP } from 'node:net';
import * as z from 'zod';
import { ENDPOINTS_RIGHT, parseEndpoints } from './endpoints.ts';
import { goRegex } from './go-regex.ts';
import { HTTP_RIGHT, parseHttpAddress } from './http-address.ts';
import { isHostAddress, parseCidr, parseIp } from './ipv4.ts';
import { cleanPrefix } from './lease-key.ts';

/** Shorter ones are raised by etcd itself (1.5 election timeouts, 2 s by default). */
const SHORTEST_TTL_MS = 2000;

export const endpoints = z.string().transform((text, context) => {
  const list = parseEndpoints(text);
  if (list) return list;
  context.addIssue({ code: 'custom', message: ENDPOINTS_RIGHT });
  return z.NEVER;
});

export const prefix = z
  .string()
  .transform(cleanPrefix)
  .refine((text) => text !== '', 'a key, such as /coreos.com/network');

export const file = z.string().refine((text) => text !== '' && !text.endsWith('/'), 'the path of a file');

/** "" is "not given". */
export const optionalHostIPv4 = z
  .string()
  .refine(
    (text) => text === '' || isHostAddress(parseIp(text) ?? 0),
    "a host's IPv4 address, such as 192.168.64.3 (not loopback, multicast, broadcast or 240.0.0.0/4)",
  );

export const ip = z.string().refine((text) => isIP(text) !== 0, 'an IP address, such as 0.0.0.0');

/** "" is "not given". */
export const httpAddress = z.string().transform((text, context) => {
  const address = parseHttpAddress(text);
  if (address || text === '') return address;
  context.addIssue({ code: 'custom', message: HTTP_RIGHT });
  return z.NEVER;
});

export const intFrom = (min: number, max: number, unit = ''): z.ZodNumber => {
  const right = `a whole number from ${min} to ${max}${unit}`;
  return z.number().min(min, right).max(max, right);
};

export const ttl = z
  .number()
  .refine((ms) => ms >= SHORTEST_TTL_MS && Number.isInteger(ms / 1000), 'whole seconds, 2s or more, such as 24h');

export const notNegative = z.number().refine((ms) => ms >= 0, '0 or more, such as 10m');

export const probeInterval = z.number().refine((ms) => ms === 0 || ms >= 1000, '0, or 1s or more, such as 1s or 10s');

export const positive = z.number().refine((ms) => ms > 0, 'more than nothing, such as 5m or 1h');

const isPort = (text = ''): boolean => Number(text) >= 1 && Number(text) <= 65_535;

/** A socket's address as Docker's own clients take it, without TLS. */
export const dockerHost = z
  .string()
  .refine(
    (text) => /^unix:\/\/\/.*[^/]$/.test(text) || isPort(/^tcp:\/\/[^/:]+:(\d{1,5})\/?$/.exec(text)?.[1]),
    'unix:///PATH or tcp://HOST:PORT',
  );

export const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable, such as DOCKER_OPTS');

export const oneOf = <const T extends readonly [string, ...string[]]>(...names: T) =>
  z.enum(names, `one of ${names.filter((name) => name !== '').join(', ')}`);

/** Who is asked: everybody, so many, or those named. */
export const peers = z.string().transform((text, context): 'all' | number | string[] => {
  if (text === 'all') return 'all';
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => parseCidr(name) !== undefined || parseIp(name) !== undefined)) return names;
  context.addIssue({ code: 'custom', message: 'all, a number, or subnets such as 10.5.8.0/24,10.5.9.0/24' });
  return z.NEVER;
});

export const nonEmpty = (right: string) => z.string().refine((text) => text.trim() !== '', right);

const areRegexes = (list: readonly string[]): boolean =>
  list.every((text) => text !== '' && goRegex(text) !== undefined);

export const regexes = z.array(z.string()).refine(areRegexes, 'a regular expression, such as ^eth[0-9]+$');

/** A name or an address is an expression too. */
export const interfaces = z
  .array(z.string())
  .refine(areRegexes, 'the name or address of an interface, or a regular expression, such as eth0 or eth.*');
