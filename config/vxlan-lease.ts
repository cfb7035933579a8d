/** What the vxlan backend keeps in a lease's BackendData: `{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}`; v0.11 writes no VNI. */

import { foreign } from './foreign-text.ts';
import { parseIp } from './ipv4.ts';
import type { LeaseAttrs } from './model.ts';

/** A VTEP, or why a lease names none. Discriminate by `mac` (or `reason`) being undefined. */
type VxlanData =
  /** MAC in canonical lower-case colon form. The VNI is for show: flannel doesn't check it either. */
  { mac: string; vni?: number; reason?: undefined } | { mac?: undefined; vni?: undefined; reason: string };

/** 16 bits: flannel refuses a lease with more (vxlanLeaseAttrs in pkg/backend/vxlan). */
const MOST_VNI = 0xffff;
const isVni = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_VNI;

/** The VTEP that a vxlan lease names. Keys match whatever their case, and the MAC may be in any form that Go's net.ParseMAC reads. */
export function vxlanData(attrs: LeaseAttrs): VxlanData {
  if (attrs.backendType !== 'vxlan') {
    return { reason: `BackendType is ${foreign(JSON.stringify(attrs.backendType))}, not "vxlan"` };
  }
  const data = attrs.backendData;
  if (typeof data !== 'object' || data === null) return { reason: 'BackendData is missing' };
  let vtepMac: unknown;
  let vni: unknown;
  const fields = data as Readonly<Record<string, unknown>>;
  for (const name in fields) {
    if (isNamed(name, 'VtepMAC')) vtepMac = fields[name];
    else if (isNamed(name, 'VNI')) vni = fields[name];
  }
  if (vni !== undefined && vni !== null && !isVni(vni))
    return { reason: `VNI is ${foreign(String(vni))}, which flannel's leases have from 0 to ${MOST_VNI}` };
  if (vtepMac === undefined) return { reason: 'BackendData has no VtepMAC' };
  const mac = typeof vtepMac === 'string' ? canonicalMac(vtepMac) : undefined;
  if (mac === undefined) {
    return {
      reason: `VtepMAC is ${foreign(JSON.stringify(vtepMac))}, which is no MAC address such as 82:4b:b6:2f:54:4e`,
    };
  }
  if (mac === '00:00:00:00:00:00') return { reason: 'VtepMAC is all zeros, which addresses no host' };
  if (Number.parseInt(mac.slice(0, 2), 16) & 1) return { reason: `VtepMAC is ${mac}, a multicast address` };
  return { mac, ...(isVni(vni) ? { vni } : {}) };
}

/** The VNI that a vxlan lease names, as flannel keeps it; undefined if it names none (flannel v0.11). */
export function vniOf({ backendData }: LeaseAttrs): number | undefined {
  if (typeof backendData !== 'object' || backendData === null) return undefined;
  const fields = backendData as Readonly<Record<string, unknown>>;
  for (const name in fields) {
    const value = fields[name];
    if (isNamed(name, 'VNI') && isVni(value)) return value;
  }
  return undefined;
}

/** As Go's encoding/json finds a field: in its own spelling first, which costs nothing for the thousands that have it, then in any case. */
const isNamed = (name: string, field: string): boolean =>
  name === field || (name.length === field.length && name.toLowerCase() === field.toLowerCase());

/**
 * BackendData of our own vxlan lease, in flannel's field order. flannel keeps the VNI in 16 bits here, whatever the device has, and a
 * peer refuses a lease whose VNI doesn't fit: so the upper bits are dropped, as flannel does (vxlanLeaseAttrs in pkg/backend/vxlan).
 */
export const vxlanBackendData = (vni: number, mac: string): { VNI: number; VtepMAC: string } => ({
  VNI: vni & 0xffff,
  VtepMAC: mac,
});

const WRITTEN =
  /^\{"PublicIP":"([\d.]{7,15})"(?:,"PublicIPv6":null)?,"BackendType":"vxlan","BackendData":\{(?:"VNI":(0|[1-9]\d{0,7}),)?"VtepMAC":"([\da-f:]{17})"\}\}$/;

/** What a lease's value says, if it is in the very form that flannel (v0.11, v0.28) writes for vxlan: much faster than reading any JSON. */
export function readWrittenVxlan(value: string): LeaseAttrs | undefined {
  const match = WRITTEN.exec(value);
  if (!match || parseIp(match[1]!) === undefined || Number(match[2] ?? 0) > MOST_VNI) return undefined;
  const backendData = match[2] === undefined ? { VtepMAC: match[3] } : { VNI: Number(match[2]), VtepMAC: match[3] };
  return { publicIP: match[1]!, publicIPv6: null, backendType: 'vxlan', backendData };
}

const COLONS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const DASHES_OR_DOTS = /^(?:[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})$/;

/** "82-4B-B6-2F-54-4E" or "824b.b62f.544e" → "82:4b:b6:2f:54:4e"; undefined if it is no 48-bit MAC address. */
function canonicalMac(text: string): string | undefined {
  if (COLONS.test(text)) return text;
  const lower = text.toLowerCase();
  if (COLONS.test(lower)) return lower;
  if (!DASHES_OR_DOTS.test(lower)) return undefined;
  return lower.replace(/[-.]/g, '').match(/../g)!.join(':');
}
