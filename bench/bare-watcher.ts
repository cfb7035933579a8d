/**
 * Owns the least that a lease's edge can take: a process that watches the leases, with etcd3 as we do or by v2's long polls over Node's http, and
 * writes each one's route by one sendmsg. It looks at nothing, verifies nothing, and never takes a route away.
 *
 *   bare-watcher.ts ENDPOINT v2|v3 INTERFACE-INDEX
 */
import { Agent, get } from 'node:http';
import { Etcd3 } from 'etcd3';
import * as c from '../drivers/netlink/codec/constants.ts';
import { writeRoute } from '../drivers/netlink/codec/route.ts';
import { Writer } from '../drivers/netlink/codec/writer.ts';
import { NetlinkSocket } from '../drivers/netlink/socket.ts';
import { MAIN_TABLE } from '../reconciler/kinds/index.ts';

const LEASES = '/coreos.com/network/subnets/';
const [, , endpoint = '', api, index] = process.argv;
const socket = new NetlinkSocket({ receiveBuffer: 1 << 20 });
const writer = new Writer();

function lead(key: string): void {
  const [address = '', length] = key.slice(key.lastIndexOf('/') + 1).split('-');
  writer.reset();
  writeRoute(
    writer,
    c.REPLACE,
    {
      kind: 'route',
      table: MAIN_TABLE,
      dst: `${address}/${length}`,
      tos: 0,
      metric: 0,
      dev: 'flannel.1',
      gateway: address,
      onlink: true,
      nexthopId: 0,
      protocol: 3,
      type: 'unicast',
      plain: true,
    },
    Number(index),
  );
  const sent = socket.send(writer.u8, writer.length);
  if (sent < 0) throw new Error(`the kernel did not take the route to ${address}: ${sent}`);
}

async function watchV3(): Promise<void> {
  const client = new Etcd3({ hosts: endpoint });
  const watcher = await client.watch().prefix(LEASES).create();
  watcher.on('put', ({ key }) => lead(key.toString()));
}

interface V2Answer {
  action: string;
  node: { key: string; modifiedIndex: number };
}

const agent = new Agent({ keepAlive: true });

function ask(path: string): Promise<{ index: number; text: string }> {
  return new Promise((resolve, reject) => {
    get(`${endpoint}/v2/keys${path}`, { agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data: string) => (text += data));
      answer.once('end', () => resolve({ index: Number(answer.headers['x-etcd-index']), text }));
    }).once('error', reject);
  });
}

async function watchV2(): Promise<void> {
  let { index: next } = await ask('/');
  const poll = async (): Promise<never> => {
    for (;;) {
      const { text } = await ask(`${LEASES}?wait=true&recursive=true&waitIndex=${next + 1}`);
      const { action, node } = JSON.parse(text) as V2Answer;
      next = node.modifiedIndex;
      if (action === 'set' || action === 'create') lead(node.key);
    }
  };
  void poll();
}

await (api === 'v2' ? watchV2() : watchV3());
process.stdout.write('watching\n');
