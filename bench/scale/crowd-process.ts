/** Owns a process of the bed: some of its hosts, which do as crowd.ts says over the process's channel. */
import type { BedHost, HostState, Protocol } from './bed-host.ts';

export type Order =
  | { do: 'have'; protocol: Protocol; endpoint: string; hosts: number; numbers: number[] }
  | { do: 'start' | 'stop' | 'renew' | 'fleet'; numbers?: number[] }
  | { do: 'state' };

export interface Answer {
  states: [number, HostState][];
  error?: string;
}

const hosts = new Map<number, BedHost>();
/** What each knows of its past: its subnet.env. */
const subnets = new Map<number, string>();
let make: (number: number) => BedHost;

/** All that is loaded late is loaded before the first host starts: a process of this bed has many hosts, and a real one has one. */
async function maker({ protocol, endpoint, hosts }: Order & { do: 'have' }): Promise<typeof make> {
  await Promise.all([import('etcd3'), import('@grpc/grpc-js')]);
  if (protocol === 'selvage') {
    const { SelvageHost } = await import('./selvage-host.ts');
    return (number) => new SelvageHost(number, endpoint);
  }
  if (protocol === 'flannel v3') {
    const { FlannelV3Host } = await import('./flannel-v3-host.ts');
    return (number) => new FlannelV3Host(number, endpoint, hosts);
  }
  const { FlannelV2Host } = await import('./flannel-v2-host.ts');
  return (number) => new FlannelV2Host(number, endpoint, hosts);
}

async function carryOut(order: Order): Promise<void> {
  if (order.do === 'have') {
    make = await maker(order);
    for (const number of order.numbers) hosts.set(number, make(number));
    return;
  }
  if (order.do === 'state') return;
  const numbers = (order.numbers ?? [...hosts.keys()]).filter((number) => hosts.has(number));
  const each = (work: (host: BedHost, number: number) => unknown): Promise<unknown> =>
    Promise.all(numbers.map((number) => work(hosts.get(number)!, number)));
  switch (order.do) {
    case 'start':
      for (const number of numbers) hosts.get(number)!.start(subnets.get(number));
      return;
    case 'stop':
      await each(async (host, number) => {
        const { subnet } = host.state;
        if (subnet !== undefined) subnets.set(number, subnet);
        await host.stop();
        hosts.set(number, make(number));
      });
      return;
    case 'renew':
      await each((host) => host.renew());
      return;
    case 'fleet':
      await each((host) => host.tellFleet?.());
  }
}

process.on('message', (order: Order) => {
  const answer = (error?: string): void => {
    const states = [...hosts].map(([number, host]): [number, HostState] => [number, host.state]);
    process.send!({ states, ...(error !== undefined && { error }) } satisfies Answer);
  };
  carryOut(order).then(
    () => answer(),
    (error: unknown) => answer(error instanceof Error ? error.message : String(error)),
  );
});
// Its parent is gone.
process.on('disconnect', () => process.exit(0));
