/** The move of a network from etcd's v2 API to its v3 API. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MigrationDocument } from '../../../reconciler/store/migration.ts';
import { createLab, type Lab, type LabHost, PREFIX } from '../../helpers/lab.ts';
import { V2Writer } from '../../helpers/v2-writer.ts';

const CONFIG = '{ "Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"} }';
const lease = (host: number) =>
  `{"PublicIP":"192.168.64.${host}","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00:${host}"}}`;
const key = (subnet: string) => `${PREFIX}/subnets/${subnet}-24`;

describe('selvage migrate', () => {
  let lab: Lab;
  let host: LabHost;
  let v2: V2Writer;

  before(async () => {
    lab = await createLab({ hosts: 1, config: null, etcdArgs: ['--enable-v2'] });
    host = lab.hosts[0]!;
    v2 = new V2Writer(lab);
  });
  after(() => lab.destroy());

  async function migrate(...args: string[]): Promise<{ code: number; document: MigrationDocument; actions: object }> {
    const { code, stdout, stderr } = await host.selvage([
      'migrate',
      '--from',
      'v2',
      '--to=v3',
      '--format=json',
      ...args,
    ]);
    assert.notEqual(stdout, '', stderr);
    const document = JSON.parse(stdout) as MigrationDocument;
    const name = (full: string) => full.slice(full.lastIndexOf('/') + 1);
    return { code, document, actions: Object.fromEntries(document.entries.map((one) => [name(one.key), one.action])) };
  }

  it('without anything to copy says so', async () => {
    const { code, stderr } = await host.selvage(['migrate']);
    assert.equal(code, 78);
    assert.match(stderr, /There is nothing to copy/);
  });

  it('says what it would do, and does nothing', async () => {
    await v2.set(`${PREFIX}/config`, CONFIG);
    await v2.set(key('10.5.11.0'), lease(11), 5000);
    await v2.set(key('10.5.12.0'), lease(12));
    const before = await lab.revision();
    const { code, actions } = await migrate();
    assert.equal(code, 0);
    assert.deepEqual(actions, { '10.5.11.0-24': 'copy', '10.5.12.0-24': 'copy', config: 'copy' });
    assert.equal(await lab.revision(), before);
  });

  it('copies to the byte, with the time that is left, permanent ones permanent', async () => {
    const { code, actions } = await migrate('--apply');
    assert.equal(code, 0);
    assert.deepEqual(actions, { '10.5.11.0-24': 'copied', '10.5.12.0-24': 'copied', config: 'copied' });
    assert.equal(await lab.get(`${PREFIX}/config`), CONFIG);
    assert.equal((await lab.leases()).get(key('10.5.11.0')), lease(11));
    const { stdout } = await host.selvage(['leases', '--format=json', '--etcd-api=v3']);
    const { leases } = JSON.parse(stdout) as { leases: { subnet: string; timeLeft: number | null }[] };
    const left = Object.fromEntries(leases.map(({ subnet, timeLeft }) => [subnet, timeLeft]));
    assert.equal(left['10.5.12.0/24'], null);
    const seconds = left['10.5.11.0/24']!;
    assert.ok(seconds > 4000 && seconds <= 5000, String(seconds));
  });

  it('a second time finds all there, and never overwrites what differs', async () => {
    assert.deepEqual((await migrate('--apply')).actions, {
      '10.5.11.0-24': 'same',
      '10.5.12.0-24': 'same',
      config: 'same',
    });
    await lab.put(key('10.5.11.0'), lease(99));
    await v2.set(`${PREFIX}/subnets/10.5.12.0-25`, lease(13));
    await v2.set(key('10.5.14.0'), 'junk');
    const { code, document, actions } = await migrate('--apply');
    assert.equal(code, 1);
    assert.deepEqual(actions, {
      '10.5.11.0-24': 'differs',
      '10.5.12.0-24': 'same',
      '10.5.12.0-25': 'unfit',
      '10.5.14.0-24': 'unfit',
      config: 'same',
    });
    assert.equal((await lab.leases()).get(key('10.5.11.0')), lease(99));
    const overlapping = document.entries.find((one) => one.key.endsWith('-25'));
    assert.match(overlapping?.problem ?? '', /It overlaps .*10\.5\.12\.0-24/);
    const { stdout } = await host.selvage(['migrate', '--format=table']);
    assert.match(stdout, /differs\s[\s\S]*there;[\s\S]*left as/);
  });
});
