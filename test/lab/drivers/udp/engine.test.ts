/** The engine's process: who may ask it, what rights it has, how it ends, and how another takes over its descriptors without a loss. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { inNetns } from '../../../../drivers/netlink/netns.ts';
import { EngineClient } from '../../../../drivers/udp/client.ts';
import { closeFds, openForEngine, startEngine } from '../../../../drivers/udp/engine-process.ts';
import { PROTOCOL } from '../../../../drivers/udp/protocol.ts';
import { receiveFds } from '../../../../drivers/udp/receive-fds.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { ContinuousPing } from '../../../helpers/ping.ts';
import { type Bed, type BedHost, createBed, engineProgram, PORT } from '../../../helpers/udp/bed.ts';

let bed: Bed;
let a: BedHost;
let b: BedHost;

before(async () => {
  bed = await createBed();
  [a, b] = bed.hosts as [BedHost, BedHost];
});
after(() => bed?.destroy());

const isThere = async (host: BedHost) => (await host.ns.exec('ip', 'link', 'show', 'flannel0')).code === 0;

test('it says who it is', async () => {
  const state = await a.client!.state();
  assert.deepEqual(
    [state.protocol, state.device, state.address, state.port, state.prefix, state.peers],
    [PROTOCOL, 'flannel0', a.address, PORT, '/test', 1],
  );
  assert.equal(state.pid, a.pid);
  assert.ok(Math.abs(Date.now() - state.since) < 600_000);
});

test('it has no rights: neither user, group, nor any capability, and can gain none', async () => {
  const status = readFileSync(`/proc/${a.pid}/status`, 'utf8');
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)![1]!;
  assert.deepEqual(field('Uid').split('\t'), ['65534', '65534', '65534', '65534']);
  assert.deepEqual(field('Gid').split('\t'), ['65534', '65534', '65534', '65534']);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.match(field(set), /^0+$/);
  assert.equal(field('NoNewPrivs'), '1');
  assert.equal(field('Groups').trim(), '');
  assert.deepEqual((await a.client!.state()).rightsKept, []);
});

test('only its owner may open its socket', () => {
  const { mode, uid } = statSync(a.path);
  assert.deepEqual([mode & 0o777, uid], [0o600, 0]);
});

test('what it does not understand it answers with an error, and goes on', async () => {
  const socket = createConnection(a.path);
  const lines: string[] = [];
  socket.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  socket.write(
    'what?\n{"id":7,"do":"dance"}\n{"id":8,"do":"peers","delta":{"set":[["10.7.5.0/24","nowhere"]]}}\nnull\n',
  );
  const answers = await eventually(() => (lines.length === 4 ? lines : undefined), { what: 'four answers' });
  socket.destroy();
  assert.ok(answers.every((line) => JSON.parse(line).ok === false));
  assert.equal(JSON.parse(answers[1]!).id, 7);
  assert.equal((await a.client!.state()).peers, 1);
});

test('one that has the port, or the device, is told by name', () => {
  const parameters = { device: 'flannel9', address: a.address, port: PORT, prefix: '/test' };
  const open = (more: object) => inNetns(a.ns.path, () => closeFds(openForEngine({ ...parameters, ...more }).fds));
  assert.throws(() => open({}), /can't listen on 192\.168\.70\.1:8285: another program has that port/);
  assert.throws(
    () => open({ port: 8999, device: 'flannel0' }),
    /The device flannel0 can't be made: there is one already/,
  );
  assert.throws(() => open({ address: '192.168.70.99' }), /EADDRNOTAVAIL; is 192\.168\.70\.99 an address of this host/);
});

test('killed three times while another holds its descriptors: nothing is lost, for what comes waits in the kernel', async () => {
  const { stdout: warm } = await a.container.exec('ping', '-c', '1', '-W', '5', b.containerAddress);
  assert.match(warm, / 0% packet loss/);
  const fds = receiveFds(a.path);
  // On and on, and so slowly that the device's queue (500) holds them however long an engine takes to start.
  const ping = new ContinuousPing(a.container, b.containerAddress, a.containerAddress, 0.05);
  try {
    for (let time = 0; time < 3; time++) {
      const { features, ...state } = await a.client!.state();
      const table = await a.client!.table();
      const gone = new Promise<void>((resolve) => {
        a.client!.onEnd = resolve;
      });
      process.kill(a.pid, 'SIGKILL');
      await gone;
      assert.ok(await isThere(a));
      const { device, address, port, prefix } = state;
      const args = {
        path: a.path,
        parameters: { device, address, port, prefix },
        features,
        wasm: true,
        peers: [...table],
      };
      a.pid = await startEngine(args, fds, engineProgram());
      a.client = await EngineClient.connect(a.path);
      assert.deepEqual(await a.client!.table(), table);
    }
  } finally {
    closeFds(fds);
  }
  const { received } = ping;
  await eventually(() => ping.received > received + 5, { what: 'pings to be answered again' });
  assert.equal((await ping.stop()).lost, 0);
});

test('nobody else holds the device: with the engine it goes, and whoever makes the next has the name', async () => {
  const { pid } = a;
  await a.client!.stop();
  a.client = undefined;
  await eventually(async () => !(await isThere(a)), { what: 'flannel0 to be gone' });
  await eventually(() => !existsSync(`/proc/${pid}`), { what: 'the engine to be gone' });
  assert.equal(await EngineClient.connect(a.path), undefined);
  await a.startOurs(bed.peersOf(0));
  await a.configure(1472);
  assert.match((await a.container.exec('ping', '-c', '1', '-W', '5', b.containerAddress)).stdout, / 0% packet loss/);
});

test('a device that is deleted ends the engine, which says so', async () => {
  const gone = new Promise<void>((resolve) => {
    b.client!.onEnd = resolve;
  });
  await b.ns.ip('link', 'del', 'flannel0');
  await gone;
  b.client = undefined;
  assert.match(
    readFileSync(b.path.replace('.sock', '.log'), 'utf8'),
    /TUN can't be read any more|the kernel ended the waiting/,
  );
});
