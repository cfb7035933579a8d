import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const packaging = fileURLToPath(new URL('../../../packaging', import.meta.url));
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-tools-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Distribution {
  /** Packages that apt has, each with the commands in it. */
  packages: Record<string, string[]>;
  /** Of those, what `apt-get install` fails on. */
  broken?: string[];
}

/** A PATH of nothing but a shell and an apt of this kind, which puts an installed package's commands beside itself. */
function distribution(name: string, { packages, broken = [] }: Distribution): string {
  const bin = join(folder, name);
  const stock = join(folder, `${name}-stock`);
  mkdirSync(bin);
  for (const [index, [is, commands]] of Object.entries(packages).entries()) {
    mkdirSync(join(stock, is), { recursive: true });
    for (const command of commands) writeFileSync(join(stock, is, command), `package ${index}`, { mode: 0o755 });
  }
  const script = (command: string, text: string) => {
    writeFileSync(join(bin, command), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, command), 0o755);
  };
  symlinkSync('/bin/cp', join(bin, 'cp'));
  script('apt-cache', `if [ -d ${stock}/$2 ]; then echo "  Candidate: 1"; else echo "  Candidate: (none)"; fi`);
  script(
    'apt-get',
    `echo "$*" >> ${bin}.log
    while [ "$1" != install ] && [ $# -gt 0 ]; do shift; done
    for word; do case " ${broken.join(' ')} " in *" $word "*) exit 100;; esac; done
    for word; do if [ -d ${stock}/$word ]; then cp -f ${stock}/$word/* ${bin}/; fi; done`,
  );
  return bin;
}

/** What the set-up of `uses` leaves missing on that distribution, and what it says. */
function installed(bin: string, uses: string[]): Promise<{ missing: string[]; says: string }> {
  const code = `
    process.getuid = () => 0;
    const { installTools } = await import('${packaging}/debian.mjs');
    const { missingTools } = await import('${packaging}/tools.mjs');
    const missing = await installTools(missingTools(${JSON.stringify(uses)}));
    process.stdout.write(JSON.stringify(missing.map(({ command }) => command)));`;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '-e', code], { env: { PATH: bin } }, (error, stdout, stderr) => {
      if (error) reject(error);
      else resolve({ missing: JSON.parse(stdout), says: stderr });
    });
  });
}

const LAB = {
  'etcd-server': ['etcd'],
  'etcd-client': ['etcdctl'],
  iproute2: ['ip', 'bridge'],
  'iputils-ping': ['ping'],
  procps: ['sysctl'],
  'util-linux': ['nsenter', 'unshare', 'setpriv'],
};
const DOCKER = {
  curl: ['curl'],
  openssl: ['openssl'],
  containerd: ['containerd'],
  runc: ['runc'],
  iptables: ['iptables'],
  nftables: ['nft'],
  'busybox-static': ['busybox'],
};

test('the demo needs no Docker', async () => {
  const bin = distribution('demo', { packages: LAB });
  const { missing, says } = await installed(bin, ['lab']);
  assert.deepEqual(missing, [], says);
  assert.doesNotMatch(readFileSync(`${bin}.log`, 'utf8'), /docker|runc|iptables/);
});

test("Docker's command is in docker-cli where there is one, else in docker.io", async () => {
  for (const [name, docker] of Object.entries<Distribution['packages']>({
    trixie: { 'docker.io': ['dockerd'], 'docker-cli': ['docker'] },
    bookworm: { 'docker.io': ['dockerd', 'docker'] },
  })) {
    const bin = distribution(name, { packages: { ...LAB, ...DOCKER, ...docker } });
    const { missing, says } = await installed(bin, ['lab/docker/docker.test.ts']);
    assert.deepEqual(missing, [], `${name}: ${says}`);
  }
});

test('what can not be had is named, and the rest is installed', async () => {
  const absent = distribution('absent', { packages: { ...LAB, ...DOCKER, 'docker.io': ['dockerd'] } });
  const one = await installed(absent, ['lab/docker/docker.test.ts']);
  assert.deepEqual(one.missing, ['docker']);
  assert.match(one.says, /could not install these .*docker \(docker-cli or docker\.io\)/);

  const broken = distribution('broken', {
    packages: { ...LAB, ...DOCKER, 'docker.io': ['dockerd', 'docker'] },
    broken: ['docker.io'],
  });
  assert.deepEqual((await installed(broken, ['lab/docker/docker.test.ts'])).missing, ['dockerd', 'docker']);
});

test('an older Node is told where a newer one comes from', async () => {
  const says = await new Promise<string>((resolve) => {
    const code = `Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } }); require('${packaging}/need-node.cjs');`;
    execFile(process.execPath, ['-e', code], (error, _stdout, stderr) => resolve(`${error?.code} ${stderr}`));
  });
  assert.match(says, /^1 selvage: Node 20 or newer is needed, .*nodesource.*\n$/);
});
