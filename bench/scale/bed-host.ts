/** Owns what every host of the bed can do, whichever protocol it speaks, and the network that all of them are in. */
import { formatCidr } from '../../config/ipv4.ts';

export const PROTOCOLS = ['selvage', 'flannel v3', 'flannel v2'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface BedHost {
  /** As a new process. `subnet`: what its subnet.env says, "10.1.7.0/24"; undefined for a host that is new. */
  start(subnet?: string): void;
  /** Extends its lease as its own timer would. */
  renew(): Promise<void>;
  /** As SIGKILL: nothing is given back. */
  stop(): Promise<void>;
  /** What --fleet adds; another word with each further call. */
  tellFleet?(): void;
  readonly state: HostState;
}

export interface HostState {
  subnet?: string;
  /** From the start to its lease, ms. */
  waitedMs?: number;
  /** How many leases it knows of, its own among them. */
  knows: number;
  racesLost: number;
  /** How often it gave up: to be started again, or to try again later. */
  gaveUp: number;
  /** Bytes that etcd sent and received over the v2 API, HTTP's headers among them: of that it keeps no count. */
  http?: { sent: number; received: number };
}

/** A host shares its process with a hundred others here: nobody is taken for dead because all of them wait for the CPU (ms). */
export const PATIENT = { deadlineMs: 120_000, snapshotDeadlineMs: 120_000, keepaliveTimeoutMs: 120_000 };

export const PREFIX = '/coreos.com/network';
const FIRST = 0x0a010000;
const SUBNET = 256;

/** A network that has exactly as many subnets as hosts. */
export function tightConfig(hosts: number, backend: object = { Type: 'vxlan' }): string {
  return JSON.stringify({
    Network: '10.0.0.0/8',
    SubnetLen: 24,
    SubnetMin: blockAt(0).replace('/24', ''),
    SubnetMax: blockAt(hosts - 1).replace('/24', ''),
    Backend: backend,
  });
}

/** The nth subnet of the range. */
export const blockAt = (n: number): string => formatCidr({ ip: FIRST + n * SUBNET, length: 24 });
