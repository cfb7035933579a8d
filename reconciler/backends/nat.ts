/** Owns what is said where other hosts are told another address than this host has, by a backend that has no UDP to cross a NAT with. */
import { WITH_A_TUNNEL } from '../../config/backend-config.ts';
import type { HeldEntry } from '../contracts/report.ts';
import type { NetworkContext } from './backend.ts';

/** flannel refuses to start then (backend/hostgw, backend/ipip): the others would route to an address that is not this host's. */
export function behindNat({ host }: NetworkContext, type: string): HeldEntry[] {
  const { publicIP, uplink } = host;
  if (publicIP === uplink.address) return [];
  const detail = `This host's public IP ${publicIP} is not the address of ${uplink.name} (${uplink.address}), so it is probably behind a NAT, where other hosts can't reach it by ${type}; leave --public-ip out, or set Backend.Type to ${WITH_A_TUNNEL}.`;
  return [{ kind: 'config', key: 'Backend.Type', why: 'behind a NAT', detail, unmet: true }];
}
