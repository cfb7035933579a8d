/** A name in --etcd-endpoints, and a name server that never answers: said within seconds, no harm to other endpoints, and nothing waits for it. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import { daemonOn, repair } from '../helpers/scenario.ts';

const SILENT = 'require("node:dgram").createSocket("udp4").bind(53, "192.168.64.1", () => console.log("ready"))';
const SAYS =
  /etcd at http:\/\/etcd\.example:\d+ has a name that can't be resolved, because the name server 192\.168\.64\.1 does not answer: see to \/etc\/resolv\.conf, or write an address in place of etcd\.example/;

describe('a name server that never answers', () => {
  let lab: Lab;
  let host: LabHost;
  let server: ChildProcess | undefined;
  let folder = '';
  let named: string;
  labWith({ hosts: 1 }, async (made) => {
    lab = made;
    host = lab.hosts[0]!;
    // `ip netns exec` puts it in the place of /etc/resolv.conf.
    folder = `/etc/netns/${host.ns.name}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/resolv.conf`, 'nameserver 192.168.64.1\n');
    const { port } = new URL(lab.etcd.endpoint);
    named = `http://etcd.example:${port}`;
    server = lab.underlay.spawn(process.execPath, ['-e', SILENT]);
    await new Promise((resolve) => server!.stdout!.once('data', resolve));
  });
  after(() => {
    server?.kill('SIGKILL');
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  const at = (...endpoints: string[]) => ({ env: { SELVAGE_ETCD_ENDPOINTS: endpoints.join(',') } });

  it('is said by its address, and so is what to do', async () => {
    for (const args of [['leases'], ['--once'], ['leases', '--etcd-api=v2']]) {
      const { code, stdout, stderr } = await host.selvage(args, at(named));
      assert.equal(code, 69, `${args}: ${stdout}${stderr}`);
      assert.match(stderr, SAYS);
    }
  });

  it('is no harm where another endpoint answers', async () => {
    await repair(host, [], at(named, lab.etcd.endpoint));
    const daemon = await daemonOn(host, [`--etcd-endpoints=${named},${lab.etcd.endpoint}`]);
    assert.equal(await daemon.stop(), 0, daemon.log());
  });

  it('a daemon says it, and ends without waiting for it', async () => {
    const daemon = host.startDaemon([`--etcd-endpoints=${named}`]);
    await daemon.waitForLine(SAYS);
    assert.equal(await daemon.stop(), 0, daemon.log());
    assert.doesNotMatch(daemon.log(), /did not end/);
  });
});
