/** Owns made-up peers for tests, the demo and the benchmarks, and putting many of them into etcd quickly. */
import type { Netns } from './netns.ts';

export interface FakePeer {
  /** "10.5.34.0/24" */
  subnet: string;
  publicIP: string;
  mac: string;
}

/** The nth /24 of 10.0.0.0/8 from `first` on, with a VTEP of its own. `index` < 65,536. */
export function fakePeer(index: number, firstSubnet = '10.128.0.0'): FakePeer {
  const [a, b, c] = firstSubnet.split('.').map(Number) as [number, number, number];
  const block = ((a << 16) | (b << 8) | c) + index;
  const octets = (high: number, low: number) => `${(index >> high) & 255}.${(index >> low) & 255}`;
  const hex = (n: number) => (n & 255).toString(16).padStart(2, '0');
  return {
    subnet: `${(block >> 16) & 255}.${(block >> 8) & 255}.${block & 255}.0/24`,
    publicIP: `172.20.${octets(8, 0)}`,
    mac: `02:5e:${hex(index >> 24)}:${hex(index >> 16)}:${hex(index >> 8)}:${hex(index)}`,
  };
}

export const leaseKey = (prefix: string, subnet: string) => `${prefix}/subnets/${subnet.replace('/', '-')}`;

/** As flannel writes it (docs/reference/flannel.md#lease-value). */
export const leaseValue = ({ publicIP, mac }: FakePeer, vni = 1) =>
  `{"PublicIP":"${publicIP}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":${vni},"VtepMAC":"${mac}"}}`;

/** Etcd refuses transactions of more than 128 operations. */
const TXN_SIZE = 100;

/** Writes all entries, or deletes those whose value is undefined; atomic for each hundred, in order. */
export async function putMany(
  ns: Netns,
  endpoint: string,
  entries: [key: string, value: string | undefined][],
): Promise<void> {
  for (let at = 0; at < entries.length; at += TXN_SIZE) {
    const lines = entries
      .slice(at, at + TXN_SIZE)
      // etcdctl reads a word in double quotes as a Go string, whose escapes JSON's are, for ASCII.
      .map(([key, value]) => (value === undefined ? `del ${key}` : `put ${key} ${JSON.stringify(value)}`));
    await txn(ns, endpoint, `\n${lines.join('\n')}\n\n\n`);
  }
}

function txn(ns: Netns, endpoint: string, input: string): Promise<void> {
  const child = ns.spawn('etcdctl', [`--endpoints=${endpoint}`, 'txn'], {
    env: { PATH: process.env.PATH, ETCDCTL_API: '3' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  child.stdin?.on('error', () => {}); // it ended early; its output says why
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && output.startsWith('SUCCESS')) resolve();
      else reject(new Error(`etcdctl txn: exit ${code}: ${output.slice(0, 500).trim()}`));
    });
  });
}
