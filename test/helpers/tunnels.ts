/** Owns how tests look into a device: what makes a vxlan one. */
import assert from 'node:assert/strict';
import type { Link } from '../../reconciler/kinds/index.ts';
import type { VxlanTunnel } from '../../reconciler/tunnels/vxlan.ts';

export const vxlanIn = (link: Link | undefined): VxlanTunnel | undefined =>
  link?.tunnel?.type === 'vxlan' ? link.tunnel : undefined;

/** Of a device that must be one; a copy, some of it otherwise. */
export function vxlanOf(link: Link | undefined, otherwise: Partial<VxlanTunnel> = {}): VxlanTunnel {
  const tunnel = vxlanIn(link);
  assert.ok(tunnel, `${link?.name ?? 'nothing'} is no vxlan device`);
  return { ...tunnel, ...otherwise };
}
