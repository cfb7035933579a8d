/**
 * Owns the short way through a lease's value: the form that flannel itself writes for vxlan (v0.11 and v0.28), which is what nearly all
 * of a big network's are. A cold start reads thousands of them, and config/lease.ts has to allow for everything that Go does.
 * Whatever doesn't match exactly takes that way; both say the same of what does (tested).
 */
import { parseIp } from '../../config/ipv4.ts';
import type { LeaseAttrs } from '../../config/model.ts';

const WRITTEN =
  /^\{"PublicIP":"([\d.]{7,15})"(?:,"PublicIPv6":null)?,"BackendType":"vxlan","BackendData":\{(?:"VNI":(0|[1-9]\d{0,7}),)?"VtepMAC":"([\da-f:]{17})"\}\}$/;

/** What the value says, if it is in flannel's own form. */
export function readWrittenForm(value: string): LeaseAttrs | undefined {
  const match = WRITTEN.exec(value);
  if (!match || parseIp(match[1]!) === undefined) return undefined;
  const backendData = match[2] === undefined ? { VtepMAC: match[3] } : { VNI: Number(match[2]), VtepMAC: match[3] };
  return { publicIP: match[1]!, publicIPv6: null, backendType: 'vxlan', backendData };
}
