/** Unit files of flanneld's as they are found in the wild, with selvage in them (docs/from-flanneld.md), under a real systemd. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { type Installed, install, SLOW } from './installed.ts';

/** Writes as flannel's mk-docker-opts.sh does: the file is emptied, and then each line is appended by itself. */
const MK_DOCKER_OPTS = `#!/bin/sh
out=/run/docker_opts.env key=DOCKER_OPTS
while [ $# -gt 0 ]; do case $1 in -d) out=$2; shift 2;; -k) key=$2; shift 2;; *) shift;; esac; done
. /run/flannel/subnet.env
echo -n "" >$out
echo "DOCKER_OPT_BIP=\\"--bip=$FLANNEL_SUBNET\\"" >>$out
echo "DOCKER_OPT_IPMASQ=\\"--ip-masq=true\\"" >>$out
echo "DOCKER_OPT_MTU=\\"--mtu=$FLANNEL_MTU\\"" >>$out
echo "$key=\\" --bip=$FLANNEL_SUBNET --ip-masq=true --mtu=$FLANNEL_MTU\\"" >>$out
`;

let world: Installed;
before(async () => {
  world = await install();
  await world.machine.write('/usr/bin/mk-docker-opts.sh', MK_DOCKER_OPTS, '0755');
  await world.machine.must('rm', '/etc/default/selvage');
});
after(() => world?.destroy());
afterEach(async () => {
  const { machine } = world;
  await machine.systemctl('stop', 'flanneld');
  await machine.must('rm', '-rf', '/etc/systemd/system/flanneld.service.d', '/run/flannel');
});

/** Starts flanneld.service with these lines in [Service]; resolves with its journal when it is active. */
async function start(...lines: string[]): Promise<void> {
  const { machine } = world;
  await machine.write('/etc/systemd/system/flanneld.service', `[Service]\nType=notify\n${lines.join('\n')}\n`);
  await machine.must('systemctl', 'daemon-reload');
  const { code } = await machine.systemctl('start', 'flanneld');
  assert.equal(code, 0, await machine.journal('flanneld'));
}

const env = async () => (await world.machine.read('/run/flannel/subnet.env')) ?? '';
const FLANNEL =
  /^FLANNEL_NETWORK=10\.5\.0\.0\/16\nFLANNEL_SUBNET=(10\.5\.\d+\.1\/24)\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=(true|false)\n/;

describe('a unit of flanneld, with one word changed', () => {
  it('whose mk-docker-opts.sh writes over subnet.env: both sets of lines are there, and it is said', async () => {
    const { machine, lab } = world;
    const cursor = await machine.cursor();
    await start(
      `ExecStart=/usr/bin/selvage --etcd-endpoints=${lab.etcd.endpoint} --docker=off`,
      'ExecStartPost=/usr/bin/mk-docker-opts.sh -k DOCKER_NETWORK_OPTIONS -d /run/flannel/subnet.env',
    );
    await eventually(async () => FLANNEL.test(await env()), { what: "flannel's lines to be back", ...SLOW });
    const [, subnet] = FLANNEL.exec(await env())!;
    assert.ok((await env()).includes(`DOCKER_OPT_BIP="--bip=${subnet}"\n`));
    assert.ok((await env()).endsWith(`DOCKER_NETWORK_OPTIONS=" --bip=${subnet} --ip-masq=true --mtu=1450"\n`));
    await eventually(async () => /both sets of lines are kept/.test(await machine.journal('flanneld', cursor)), {
      what: 'that to be said',
      ...SLOW,
    });
  });

  it('with options in a variable that is empty, and --ip-masq', async () => {
    const { lab } = world;
    const options = `\${FLANNEL_OPTIONS}`;
    await start(
      'Environment=FLANNEL_OPTIONS=',
      `ExecStart=/usr/bin/selvage -etcd-endpoints ${lab.etcd.endpoint} ${options} --ip-masq --docker=off`,
      'ExecStartPost=/usr/bin/mk-docker-opts.sh -k DOCKER_NETWORK_OPTIONS -d /run/flannel/docker',
    );
    assert.equal(FLANNEL.exec(await env())?.[2], 'true');
    assert.match((await world.machine.read('/run/flannel/docker')) ?? '', /^DOCKER_NETWORK_OPTIONS=" --bip=10\.5\./m);
  });

  it("CentOS's: /etc/sysconfig/flanneld and flanneld-start", async () => {
    const { machine, lab } = world;
    await machine.write(
      '/etc/sysconfig/flanneld',
      `FLANNEL_ETCD_ENDPOINTS="${lab.etcd.endpoint}"\nFLANNEL_ETCD_PREFIX="/coreos.com/network"\n`,
    );
    const variables = [`\${FLANNEL_ETCD_ENDPOINTS:-\${FLANNEL_ETCD}}`, `\${FLANNEL_ETCD_PREFIX:-\${FLANNEL_ETCD_KEY}}`];
    await machine.write(
      '/usr/bin/flanneld-start',
      `#!/bin/sh\nexec selvage -etcd-endpoints=${variables[0]} -etcd-prefix=${variables[1]} "$@"\n`,
      '0755',
    );
    await start(
      'EnvironmentFile=/etc/sysconfig/flanneld',
      'EnvironmentFile=-/etc/sysconfig/docker-network',
      'ExecStart=/usr/bin/flanneld-start $FLANNEL_OPTIONS',
      'Restart=on-failure',
    );
    assert.match(await env(), FLANNEL);
  });

  it("CoreOS's: FLANNELD_ variables from options.env, and the command in a drop-in", async () => {
    const { machine, lab } = world;
    await machine.write(
      '/run/flannel/options.env',
      `FLANNELD_ETCD_ENDPOINTS=${lab.etcd.endpoint}\nFLANNELD_IFACE=eth0\n`,
    );
    await machine.write(
      '/etc/systemd/system/flanneld.service.d/50-selvage.conf',
      '[Service]\nExecStart=\nExecStart=/usr/bin/selvage --ip-masq --docker=off\nExecStop=\n',
    );
    await start(
      'EnvironmentFile=-/run/flannel/options.env',
      'ExecStart=/usr/lib/coreos/flannel-wrapper $FLANNEL_OPTS',
      'ExecStop=-/usr/bin/rkt stop --uuid-file=/var/lib/flatcar/flannel-wrapper.uuid',
    );
    assert.equal(FLANNEL.exec(await env())?.[2], 'true');
  });
});
