/** Owns the list of tunnels, and the questions that are asked of any device. */
import { type IpipTunnel, ipipTunnel } from './ipip.ts';
import { type TunTunnel, tunTunnel } from './tun.ts';
import type { TunnelRules } from './tunnel.ts';
import { type VxlanTunnel, vxlanTunnel } from './vxlan.ts';

/** What makes a tunnel's device, by its type. */
export type Tunnel = VxlanTunnel | IpipTunnel | TunTunnel;

const RULES = [vxlanTunnel, ipipTunnel, tunTunnel] as unknown as readonly TunnelRules<Tunnel>[];
const BY_TYPE: ReadonlyMap<string, TunnelRules<Tunnel>> = new Map(RULES.map((rules) => [rules.type, rules]));
const FIXED: ReadonlySet<string> = new Set(
  RULES.flatMap((rules) => rules.fixed.map((field) => pathOf(rules.type, field))),
);

/** A device, as far as this is about it. */
interface Device {
  name: string;
  type: string;
  tunnel?: Tunnel;
  /** Default true. */
  up?: boolean;
}

/** Undefined for a type of device that no backend makes. */
export const tunnelRules = (type: string): TunnelRules<Tunnel> | undefined => BY_TYPE.get(type);

/** Of the type that a device of that name should be; undefined if it is no name of ours or of flannel's. */
export const tunnelRulesNamed = (name: string): TunnelRules<Tunnel> | undefined =>
  RULES.find((rules) => rules.isNamed(name));

/** Whether a device is what a backend makes, of the name that goes with it: only then can it be ours. */
export const isForm = ({ name, type, tunnel }: Device): boolean => BY_TYPE.get(type)?.isForm(name, tunnel) ?? false;

/** Whether it is of a type of which ours may be, and others stand in their way. */
export const isRival = ({ type }: Device): boolean => BY_TYPE.get(type)?.canClash ?? false;

/** Whether it may concern us whosever it is: for its type, or for a name such as ours have. */
export const isOfInterest = (device: Device): boolean =>
  isRival(device) || device.name.startsWith('flannel.') || tunnelRulesNamed(device.name) !== undefined;

/** A tunnel's field inside a link, as reports name it: "ipip.local". */
function pathOf(type: string, field: string): string {
  return `${type}.${field}`;
}

/** Names of the attributes in which a device differs from the wanted one: all, for one of another type. */
export function tunnelDiffers(want: Tunnel, have: Tunnel | undefined): string[] {
  const rules = BY_TYPE.get(want.type);
  if (!rules) return [];
  const [w, h] = [valuesOf(rules.asMade(want)), have?.type === want.type ? valuesOf(have) : undefined];
  return rules.fields.filter((field) => h?.[field] !== w[field]).map((field) => pathOf(want.type, field));
}

/** Of what can be changed in place, what has to be: the wanted values. One that is "" is left to the kernel. */
export function attributesThatDiffer(want: Tunnel, have: Tunnel | undefined): Partial<Tunnel> {
  const wanted = valuesOf(want);
  const differing = tunnelDiffers(want, have)
    .filter((path) => !isFixed(path))
    .map((path) => path.slice(path.indexOf('.') + 1));
  return Object.fromEntries(
    differing.filter((field) => wanted[field] !== '').map((field) => [field, wanted[field]]),
  ) as Partial<Tunnel>;
}

/** Whether two looks at a name have found one device, by what can't change of it (a VNI). */
export function isSameDevice(a: Device, b: Device): boolean {
  if (a.type !== b.type) return false;
  const [x, y] = [a.tunnel && valuesOf(a.tunnel), b.tunnel && valuesOf(b.tunnel)];
  return (BY_TYPE.get(a.type)?.knownBy ?? []).every((field) => x?.[field] === y?.[field]);
}

/** Whether one of those can't be changed in place. */
export const isFixed = (field: string): boolean => FIXED.has(field);

/** Why the kernel won't take the wanted device beside that one, a sentence; undefined if it will. */
export function clash(want: Device, have: Device): string | undefined {
  if (!want.tunnel || !have.tunnel || want.tunnel.type !== have.tunnel.type || want.name === have.name)
    return undefined;
  return BY_TYPE.get(want.tunnel.type)?.clash(want.tunnel, have.tunnel, { name: have.name, up: have.up ?? true });
}

/** The UDP port that a wanted device will receive on; undefined for none. */
export const portListenedOn = ({ tunnel }: Device): { port: number; address: string } | undefined =>
  tunnel && BY_TYPE.get(tunnel.type)?.listens?.(tunnel);

const valuesOf = (tunnel: Tunnel): Record<string, unknown> => ({ ...tunnel });

/** A tunnel's attributes as a report has them, under its type: `{ ipip: { local: "192.0.2.1", … } }`. */
export function tunnelFields(tunnel: Tunnel): Record<string, unknown> {
  const { type, ...attributes } = tunnel;
  return Object.keys(attributes).length ? { [type]: attributes } : {};
}
