/** Owns made-up peers with what a host has for each: the names that reports call it by. */
import { createLab, type Lab, type LabHost } from './lab.ts';
import { type FakePeer, fakePeer } from './leases.ts';

export interface Peer extends FakePeer {
  /** "10.5.200.0", and the id of its nexthop object. */
  vtep: string;
  id: string;
}

/** The nth from 10.5.200.0/24 on: hosts of a lab take theirs below (DEFAULT_CONFIG). */
export function peerAt(index: number): Peer {
  const peer = fakePeer(index, '10.5.200.0');
  const vtep = peer.subnet.split('/')[0]!;
  return { ...peer, vtep, id: String(Buffer.from(vtep.split('.').map(Number)).readUInt32BE()) };
}

/** A lab of one host, whose network has that many made-up peers. */
export async function labWithPeers(count: number): Promise<{ lab: Lab; host: LabHost; peers: Peer[] }> {
  const lab = await createLab({ hosts: 1 });
  const peers = Array.from({ length: count }, (_, index) => peerAt(index));
  await lab.putPeers(peers);
  return { lab, host: lab.hosts[0]!, peers };
}

export const route = (peer: Peer) => `route 254|${peer.subnet}|0|0`;
export const neighbour = (peer: Peer) => `neighbour flannel.1|${peer.vtep}`;
export const fdb = (peer: Peer) => `fdb flannel.1|${peer.mac}`;
export const nexthop = (peer: Peer) => `nexthop ${peer.id}`;
export const LINK = 'link flannel.1';
