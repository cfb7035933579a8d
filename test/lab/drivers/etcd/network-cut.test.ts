/** A network that goes away without a word: no FIN, no RST, no ICMP. Only gRPC's keepalive can notice. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Etcd, startEtcd } from '../../../helpers/etcd.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { connect, createNetns, type Netns } from '../../../helpers/netns.ts';

const CHILD = fileURLToPath(new URL('watch-child.ts', import.meta.url));
const KEY = '/n/subnets/10.5.1.0-24';

describe('a network cut', () => {
  let host: Netns;
  let far: Netns;
  let etcd: Etcd;

  before(async () => {
    [host, far] = await Promise.all([createNetns('host'), createNetns('etcd')]);
    await connect(host, 'eth0', far, 'eth0');
    await host.ip('address', 'add', '192.0.2.1/24', 'dev', 'eth0');
    await far.ip('address', 'add', '192.0.2.2/24', 'dev', 'eth0');
    etcd = await startEtcd({ netns: far.name, ip: '192.0.2.2', extraArgs: ['--grpc-keepalive-min-time=500ms'] });
  });
  after(async () => {
    await etcd?.destroy();
    await Promise.all([host?.destroy(), far?.destroy()]);
  });

  it('ends the watch, and what was written meanwhile comes when it is back', async () => {
    const child = host.spawn(process.execPath, ['--import', 'tsx', CHILD, etcd.endpoint, '/n'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)));
    const said = (line: string) =>
      eventually(() => lines.includes(line), { what: `"${line}" of ${lines.join(' | ')}`, timeout: 30_000 });

    await said('started');
    await etcd.etcdctl('put', KEY, 'before');
    await said(`put ${KEY}=before`);

    // The far end: the host itself sees no carrier change that could tell it anything but through the silence.
    await far.ip('address', 'del', '192.0.2.2/24', 'dev', 'eth0');
    await far.ip('link', 'set', 'eth0', 'down');
    await eventually(() => lines.some((line) => line.startsWith('ended unavailable: etcd at')), {
      what: 'the watch to end',
      timeout: 30_000,
    });

    await far.ip('address', 'add', '192.0.2.2/24', 'dev', 'eth0');
    await etcd.etcdctl('put', KEY, 'during');
    await far.ip('link', 'set', 'eth0', 'up');
    await said(`put ${KEY}=during`);
    assert.deepEqual(
      lines.filter((line) => line.startsWith('put')),
      [`put ${KEY}=before`, `put ${KEY}=during`],
    );
  });
});
