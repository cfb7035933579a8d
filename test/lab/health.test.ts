/** What a daemon tells over its health port: to everybody that it runs, as flanneld does; its report to its own host only. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Lab, LabHost } from '../helpers/lab.ts';
import { labWith } from '../helpers/lab-with.ts';
import type { Netns } from '../helpers/netns.ts';
import { converged, EDGES_ONLY } from '../helpers/scenario.ts';

let lab: Lab;
labWith({ hosts: 1 }, async (made) => {
  lab = made;
});

it('at flannel’s default address, every one of the host’s, others hear no more than that it runs', async () => {
  const [host] = lab.hosts as [LabHost];
  const daemon = host.startDaemon([EDGES_ONLY, '--healthz-ip=0.0.0.0']);
  const ask = async (ns: Netns, address: string, path: string) => {
    const get = `exec 3<>/dev/tcp/${address}/8471 && printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
    return (await ns.exec('bash', '-c', get)).stdout;
  };
  try {
    await converged(host, daemon);
    for (const path of ['/healthz', '/readyz'])
      assert.match(await ask(lab.underlay, host.address, path), /^HTTP\/1\.1 200 /, path);
    const refused = await ask(lab.underlay, host.address, '/report');
    assert.match(refused, /^HTTP\/1\.1 403 [\s\S]*on this host only; --http/);
    assert.doesNotMatch(refused, /10\.5\.|subnet/);
    assert.match(await ask(host.ns, '127.0.0.1', '/report'), /^HTTP\/1\.1 200 [\s\S]*"converged": true/);
  } finally {
    await daemon.kill();
  }
});
