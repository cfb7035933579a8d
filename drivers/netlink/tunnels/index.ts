/** Owns the list of tunnels whose devices rtnetlink makes. A new one is a new file beside this, and a line here. */
import type { Tunnel } from '../../../reconciler/tunnels/index.ts';
import { ipipWire } from './ipip.ts';
import { tunWire } from './tun.ts';
import type { WireTunnel } from './tunnel.ts';
import { vxlanWire } from './vxlan.ts';

const WIRE_TUNNELS = [vxlanWire, ipipWire, tunWire] as unknown as readonly WireTunnel<Tunnel>[];

const BY_TYPE = new Map<string, WireTunnel<Tunnel>>(WIRE_TUNNELS.map((wire) => [wire.type, wire]));

/** undefined for a type of device that is made otherwise, or not by us. */
export const wireTunnel = (type: string): WireTunnel<Tunnel> | undefined => BY_TYPE.get(type);
