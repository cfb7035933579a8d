/**
 * Owns the text of a lease's value (docs/reference/flannel.md#lease-value): read tolerantly, as flannel does, written exactly, to
 * the byte and without spaces, in the forms of flannel v0.28 (etcd v3) and v0.11 (etcd v2).
 */

import { ConfigError } from './errors.ts';
import { decodeStruct, show, stringOf, structFields } from './go-json.ts';
import { formatIp, parseIp } from './ipv4.ts';
import { formatIp6, parseIp6 } from './ipv6.ts';
import { type JsonNode, readJson } from './json-reader.ts';
import type { LeaseAttrs } from './model.ts';

const FIELDS = structFields<LeaseAttrs>({
  PublicIP: (to, node) => {
    to.publicIP = readPublicIP(node);
  },
  PublicIPv6: (to, node) => {
    to.publicIPv6 = node.kind === 'null' ? null : readPublicIPv6(node);
  },
  BackendType: (to, node) => {
    to.backendType = stringOf(node, 'BackendType', to.backendType);
  },
  BackendData: (to, node) => {
    to.backendData = JSON.parse(node.raw);
  },
  BackendV6Data: (to, node) => {
    to.backendV6Data = JSON.parse(node.raw);
  },
});

/** Reads a lease's value. @throws ConfigError where flannel would skip the lease. */
export function parseLeaseAttrs(text: string): LeaseAttrs {
  return decodeStruct<LeaseAttrs>(
    readJson(text),
    { publicIP: '0.0.0.0', publicIPv6: null, backendType: '' },
    FIELDS,
    '',
  );
}

/** The value as flannel v0.28 writes it. */
export function formatLeaseAttrs(attrs: LeaseAttrs): string {
  const ipv6 = attrs.publicIPv6 === null ? 'null' : `"${attrs.publicIPv6}"`;
  return `{"PublicIP":"${attrs.publicIP}","PublicIPv6":${ipv6}${backendPart(attrs, attrs.backendData)}}`;
}

/** The value as flannel v0.11 writes it to etcd's v2 API: no IPv6, and no VNI. */
export function formatLeaseAttrsV2(attrs: LeaseAttrs): string {
  const ipv4 = { ...attrs, backendV6Data: undefined };
  return `{"PublicIP":"${attrs.publicIP}"${backendPart(ipv4, withoutVni(attrs))}}`;
}

function withoutVni(attrs: LeaseAttrs): unknown {
  if (attrs.backendType !== 'vxlan' || !isObject(attrs.backendData)) return attrs.backendData;
  return Object.fromEntries(Object.entries(attrs.backendData).filter(([name]) => name !== 'VNI'));
}

function backendPart(attrs: LeaseAttrs, data: unknown): string {
  let part = attrs.backendType === '' ? '' : `,"BackendType":${goText(attrs.backendType)}`;
  if (data !== undefined) part += `,"BackendData":${goText(data)}`;
  if (attrs.backendV6Data !== undefined) part += `,"BackendV6Data":${goText(attrs.backendV6Data)}`;
  return part;
}

/** JSON as Go's json.Marshal writes it: some characters always escaped. */
const goText = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** flannel trims the quotes off the source text, so that null and escapes are no address. */
const bare = (node: JsonNode): string => (node.kind === 'string' ? node.raw.slice(1, -1) : node.raw);

function readPublicIP(node: JsonNode): string {
  const text = bare(node);
  if (parseIp(text) !== undefined) return text;
  // Go takes "::ffff:192.0.2.1" for an IPv4 address.
  const ip6 = parseIp6(text);
  if (ip6 !== undefined && ip6 >> 32n === 0xffffn) return formatIp(Number(ip6 & 0xffffffffn));
  throw new ConfigError('PublicIP', `PublicIP is ${show(node)}, but must be an IPv4 address in quotes.`);
}

function readPublicIPv6(node: JsonNode): string {
  const text = bare(node);
  const ip = parseIp6(text);
  if (ip !== undefined) return formatIp6(ip);
  if (parseIp(text) !== undefined) return text;
  throw new ConfigError('PublicIPv6', `PublicIPv6 is ${show(node)}, but must be an IPv6 address in quotes or null.`);
}
