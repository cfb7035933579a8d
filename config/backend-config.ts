import { ConfigError } from './errors.ts';
import { boolOf, decodeStruct, intOf, show, stringOf, structFields } from './go-json.ts';
import type { JsonNode } from './json-reader.ts';
import type { BackendConfig, IpipConfig, VxlanConfig } from './model.ts';

/** A config without a Backend means udp, in every version of flannel (the documentation of v0.28 says vxlan, wrongly). */
export const absentBackend: BackendConfig = { type: 'udp', kind: 'udp', port: 8285 };

/** What advice names to those whose packets have to cross a router or a NAT. */
export const WITH_A_TUNNEL = 'vxlan';

/** A VXLAN network identifier has 24 bits (RFC 7348). 0 is a valid one: flannel and the kernel take it. */
const MAX_VNI = 2 ** 24 - 1;
/** The smallest underlay that leaves the 68 bytes of RFC 791 within the 50 of VXLAN's headers. */
const MIN_MTU = 118;

const port = (min: number): { min: number; max: number; right: string } => ({
  min,
  max: 65535,
  right: min === 0 ? "1 to 65535, or 0 for the kernel's default (8472)" : `${min} to 65535`,
});

const TYPE = structFields<{ type: string }>({
  Type: (to, node) => {
    to.type = stringOf(node, 'Backend.Type', to.type);
  },
});

const VXLAN = structFields<VxlanConfig>({
  VNI: (to, node) => {
    to.vni = intOf(node, 'Backend.VNI', to.vni, { min: 0, max: MAX_VNI, right: `0 to ${MAX_VNI}` });
  },
  Port: (to, node) => {
    to.port = intOf(node, 'Backend.Port', to.port, port(0));
  },
  GBP: (to, node) => {
    to.gbp = boolOf(node, 'Backend.GBP', to.gbp);
  },
  Learning: (to, node) => {
    to.learning = boolOf(node, 'Backend.Learning', to.learning);
  },
  DirectRouting: (to, node) => {
    to.directRouting = boolOf(node, 'Backend.DirectRouting', to.directRouting);
  },
  MTU: (to, node) => {
    if (node.kind === 'null') return;
    const right = `${MIN_MTU} to 65535, or leave it out for the external interface's`;
    to.mtu = intOf(node, 'Backend.MTU', 0, { min: MIN_MTU, max: 65535, right });
  },
});

const IPIP = structFields<IpipConfig>({
  DirectRouting: (to, node) => {
    to.directRouting = boolOf(node, 'Backend.DirectRouting', to.directRouting);
  },
});

const UDP = structFields<{ port: number }>({
  Port: (to, node) => {
    to.port = intOf(node, 'Backend.Port', to.port, port(1));
  },
});

const AWS_VPC = structFields<{ routeTables?: string[] }>({
  RouteTableID: (to, node) => {
    to.routeTables = routeTablesOf(node);
  },
});

/** As flannel up to 0.17 (backend/awsvpc): a string, an array of strings, or null for "find it". An empty array is one, and names none. */
function routeTablesOf(node: JsonNode): string[] | undefined {
  if (node.kind === 'null') return undefined;
  // Checked by the reader of the config: it is JSON.
  const value: unknown = JSON.parse(node.raw);
  const ids = typeof value === 'string' ? [value] : value;
  if (Array.isArray(ids) && ids.every((id): id is string => typeof id === 'string' && id !== '')) return ids;
  throw new ConfigError(
    'Backend.RouteTableID',
    `Backend.RouteTableID is ${show(node)}, but must be the id of a route table in quotes, such as "rtb-0123", or a list of them; leave it out for the one that the host's subnet uses.`,
  );
}

/** Reads the Backend object: its type, and the options if it is one that we know. @throws ConfigError */
export function parseBackend(node: JsonNode): BackendConfig {
  if (node.kind !== 'object' && node.kind !== 'null') {
    throw new ConfigError('Backend', `Backend is ${show(node)}, but must be an object, such as {"Type": "vxlan"}.`);
  }
  const { type } = decodeStruct(node, { type: '' }, TYPE, 'Backend');
  switch (type.toLowerCase()) {
    case 'vxlan':
      return decodeStruct<VxlanConfig>(
        node,
        { type, kind: 'vxlan', vni: 1, port: 0, gbp: false, learning: false, directRouting: false },
        VXLAN,
        'Backend',
      );
    case 'host-gw':
      return { type, kind: 'host-gw' };
    case 'ipip':
      return decodeStruct<IpipConfig>(node, { type, kind: 'ipip', directRouting: false }, IPIP, 'Backend');
    case 'udp':
      return { type, kind: 'udp', ...decodeStruct(node, { port: 8285 }, UDP, 'Backend') };
    case 'aws-vpc':
      return { type, kind: 'aws-vpc', ...decodeStruct<{ routeTables?: string[] }>(node, {}, AWS_VPC, 'Backend') };
    case 'gce':
      return { type, kind: 'gce' };
    default:
      return { type, kind: 'other' };
  }
}
