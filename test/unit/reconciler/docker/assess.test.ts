import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseOptions } from '../../../../config/options.ts';
import { assessDocker, type DockerAssessment } from '../../../../reconciler/docker/assess.ts';
import type { DockerObserved, Engine } from '../../../../reconciler/docker/contract.ts';

const LEASE = { network: '10.5.0.0/16', subnet: '10.5.34.0/24', mtu: 1450, ipMasq: false };
const OPTS =
  'DOCKER_OPT_BIP="--bip=10.5.34.1/24"\nDOCKER_OPT_IPMASQ="--ip-masq=true"\nDOCKER_OPT_MTU="--mtu=1450"\nDOCKER_OPTS=" --bip=10.5.34.1/24 --ip-masq=true --mtu=1450"\n';
const RIGHT = { bridge: 'docker0', address: '10.5.34.1/24', mtu: 1450, ipMasq: true };
const OLD = { bridge: 'docker0', address: '172.17.0.1/16', mtu: 1500, ipMasq: true };

const engine = (network: Engine['network'] = RIGHT, ...containers: Engine['containers']): Engine => ({
  version: '20.10.24',
  liveRestore: false,
  network,
  containers,
});
const NOTHING: DockerObserved = {
  bridge: undefined,
  engine: undefined,
  daemonJson: undefined,
  optsFile: undefined,
  restarted: undefined,
  isShut: false,
  problem: undefined,
};
/** An engine with its bridge in the kernel. */
const running = (network: NonNullable<Engine['network']>, parts: Partial<DockerObserved> = {}): DockerObserved => ({
  ...NOTHING,
  engine: engine(network),
  bridge: { addresses: [network.address], mtu: 1500 },
  ...parts,
});

function assess(
  mode: 'report' | 'opts' | 'daemon-json',
  seen: Partial<DockerObserved>,
  lease = LEASE,
): DockerAssessment {
  const { docker } = parseOptions([`--docker=${mode}`], {});
  return assessDocker(docker, lease, { ...NOTHING, ...seen });
}
const whys = ({ held }: DockerAssessment): string[] => held.map(({ why }) => why);
const edits = ({ files }: DockerAssessment) =>
  files.flatMap(({ edit }) => (edit ? { want: edit.want, have: edit.have } : []));

describe('report', () => {
  test('neither engine nor bridge: nothing at all, whatever the files say', () => {
    const found = assess('report', { daemonJson: '{', optsFile: OPTS });
    assert.deepEqual([found.seen, found.held, found.drift, found.files], [false, [], [], []]);
  });

  test('on the subnet: nothing', () => {
    const found = assess('report', running(RIGHT));
    assert.deepEqual([found.seen, found.held, found.drift, found.files], [true, [], [], []]);
  });

  test('another bip and MTU, and FLANNEL_IPMASQ: one drift, and the sentence says what to do; nothing is written', () => {
    const found = assess('report', running(OLD), { ...LEASE, ipMasq: true });
    assert.deepEqual(found.drift, [
      {
        op: 'update',
        kind: 'docker',
        key: 'docker0',
        reason: 'differs: address, mtu, ipMasq',
        fields: ['address', 'mtu', 'ipMasq'],
        want: { address: '10.5.34.1/24', mtu: 1450, ipMasq: false },
        have: { address: '172.17.0.1/16', mtu: 1500, ipMasq: true },
      },
    ]);
    assert.equal(
      found.held[0]!.detail,
      "docker0 has 172.17.0.1/16, MTU 1500, ip-masq true, where this host's subnet 10.5.34.0/24 needs 10.5.34.1/24, MTU 1450, ip-masq false: give dockerd --bip=10.5.34.1/24 --mtu=1450 --ip-masq=false and restart it, or let selvage see to it with --docker opts or --docker daemon-json.",
    );
    assert.deepEqual([found.files, found.restartWouldHelp], [[], false]);
  });

  test('only an address that is really there counts', () => {
    const lost = running(RIGHT, { bridge: { addresses: [], mtu: 1500 } });
    assert.deepEqual(assess('report', lost).drift[0]?.have, { address: '' });
    assert.deepEqual(assess('report', running(RIGHT, { bridge: undefined })).drift[0]?.have, { address: '' });
    const second = running(RIGHT, { bridge: { addresses: ['192.168.1.1/24', '10.5.34.1/24'], mtu: 1500 } });
    assert.deepEqual(assess('report', second).drift, []);
  });

  test('no engine: the bridge alone is judged by its address, not by its MTU', () => {
    assert.deepEqual(assess('report', { bridge: { addresses: ['10.5.34.1/24'], mtu: 1500 } }).held, []);
    const alone = assess('report', { bridge: { addresses: ['10.5.9.1/24'], mtu: 1500 } });
    // Said, but no drift: nobody is there to be restarted.
    assert.deepEqual([whys(alone), alone.drift, alone.differs?.fields], [['not on the subnet'], [], ['address']]);
  });

  test('a bip given twice: what dockerd would die with, and the cure', () => {
    const found = assess(
      'report',
      running(RIGHT, { daemonJson: '{"bip":"172.17.0.1/16","mtu":9000}', optsFile: OPTS }),
    );
    assert.deepEqual(whys(found), ['given twice']);
    assert.match(
      found.held[0]!.detail,
      /"unable to configure the Docker daemon with file \/etc\/docker\/daemon\.json: the following directives are specified both as a flag and in the configuration file: bip: \(from flag: 10\.5\.34\.1\/24, from file: 172\.17\.0\.1\/16\), mtu: \(from flag: 1450, from file: 9000\)"; take bip, mtu out of \/etc\/docker\/daemon\.json/,
    );
    const sameValue = assess(
      'report',
      running(RIGHT, { daemonJson: '{"ip-masq":true}', optsFile: 'DOCKER_OPTS="--ip-masq"' }),
    );
    assert.deepEqual(whys(sameValue), ['given twice']);
    assert.deepEqual(whys(assess('report', running(RIGHT, { daemonJson: '{"bip":"10.5.34.1/24"}' }))), []);
  });

  test('fixed-cidr and address pools', () => {
    const json = (text: string) => whys(assess('report', running(RIGHT, { daemonJson: text })));
    assert.deepEqual(json('{"fixed-cidr":"10.5.34.128/25"}'), []);
    assert.deepEqual(json('{"fixed-cidr":"10.5.35.0/25"}'), ['fixed-cidr outside the subnet']);
    assert.deepEqual(json('{"fixed-cidr":"10.5.34.0/23"}'), ['fixed-cidr outside the subnet']);
    assert.deepEqual(json('{"default-address-pools":[{"base":"172.30.0.0/16","size":24}]}'), []);
    assert.deepEqual(json('{"default-address-pools":[{"base":"10.0.0.0/8","size":24}]}'), [
      'address pool in the network',
    ]);
  });

  test('containers that still have an address outside, by name', () => {
    const containers = [
      { name: 'old', address: '172.17.0.2' },
      { name: 'new', address: '10.5.34.2' },
      { name: 'elsewhere', address: '' },
      { name: 'older', address: '10.5.35.9' },
    ];
    const found = assess('report', running(RIGHT, { engine: engine(RIGHT, ...containers) }));
    assert.deepEqual(whys(found), ['containers on another subnet']);
    assert.match(found.held[0]!.detail, /^The containers old, older on docker0 have addresses outside/);
  });

  test('an engine without a default bridge, and one with another', () => {
    const none = assess('report', { ...NOTHING, engine: { ...engine(), network: undefined } });
    assert.deepEqual([none.have, none.held, none.drift], [undefined, [], []]);
    const other = assess('report', running({ ...OLD, bridge: 'br0' }));
    assert.deepEqual([whys(other), other.drift], [['another bridge'], []]);
  });

  test('invalid daemon.json is said', () =>
    assert.deepEqual(whys(assess('report', running(RIGHT, { daemonJson: '{"a":1,}' }))), ['invalid']));

  test('nobody masquerades: said, but no difference; not where the firewall is left alone on purpose', () => {
    const off = { ...RIGHT, ipMasq: false };
    assert.deepEqual(
      [whys(assess('report', running(off))), assess('report', running(off)).drift],
      [['nobody masquerades'], []],
    );
    assert.deepEqual(whys(assess('report', running(off, { daemonJson: '{"iptables":false}' }))), []);
    assert.deepEqual(whys(assess('report', running(off), { ...LEASE, ipMasq: true })), []);
  });
});

describe('opts', () => {
  test('keeps the options file, also before there is a Docker', () => {
    const [file, ...others] = assess('opts', {}).files;
    assert.deepEqual(
      [file?.path, file?.content, file?.mode, others],
      ['/run/flannel/docker_opts.env', OPTS, 0o644, []],
    );
  });

  test('takes what would be given twice out of daemon.json, whose other bytes stay', () => {
    const found = assess(
      'opts',
      running(OLD, { daemonJson: '{\n  "bip": "172.17.0.1/16",\n  "dns": ["1.1.1.1"]\n}\n' }),
    );
    assert.equal(found.files[1]?.content, '{\n  "dns": ["1.1.1.1"]\n}\n');
    assert.deepEqual(edits(found), [{ want: { bip: undefined }, have: { bip: '172.17.0.1/16' } }]);
    assert.deepEqual(whys(found), ['given twice']);
    assert.match(found.held[0]!.detail, /; selvage takes bip out of it\.$/);
    assert.equal(found.restartWouldHelp, true);
  });

  test('no restart where dockerd would not come up', () => {
    const found = assess('opts', running(OLD, { daemonJson: '{"a":1,}' }));
    assert.deepEqual([whys(found), found.restartWouldHelp, found.files.length], [['invalid', 'restart due'], false, 1]);
    assert.deepEqual(
      found.held.map(({ unmet }) => unmet),
      [true, false],
    );
  });

  test('no restart of a Docker that does not run', () => {
    const found = assess('opts', { bridge: { addresses: ['172.17.0.1/16'], mtu: 1500 } });
    assert.deepEqual([whys(found), found.restartWouldHelp], [['not on the subnet'], false]);
  });

  test('nothing is concluded from what could not be read', () => {
    const found = assess('opts', running(OLD, { problem: "Can't read /etc/docker/daemon.json: EACCES." }));
    assert.deepEqual([whys(found)[0], found.restartWouldHelp, edits(found)], ['not readable', false, []]);
  });
});

describe('daemon-json', () => {
  test('opens direct routing where Docker ≥ 28.2 shuts other hosts out, and never takes it away', () => {
    const seen = (version: string, parts: Partial<DockerObserved> = {}): Partial<DockerObserved> => ({
      engine: { ...engine(), version },
      isShut: true,
      ...parts,
    });
    const opened = (parts: Partial<DockerObserved>): unknown =>
      assess('daemon-json', parts).files[0]?.edit?.want['allow-direct-routing'];
    assert.equal(opened(seen('28.2.0')), true);
    assert.equal(opened(seen('29.0.1')), true);
    assert.equal(opened(seen('28.1.1')), undefined, 'it would not start with it');
    assert.equal(opened(seen('28.2.0', { isShut: false })), undefined, 'nothing is shut');
    assert.equal(
      opened(seen('28.2.0', { daemonJson: '{"allow-direct-routing":false}' })),
      undefined,
      'somebody has said no',
    );
    const text = '{"bip":"10.5.34.1/24","mtu":1450,"ip-masq":false,"allow-direct-routing":true}';
    const { files } = assess('daemon-json', seen('28.2.0', { daemonJson: text, isShut: false }), {
      ...LEASE,
      ipMasq: true,
    });
    assert.deepEqual(files, []);
    for (const mode of ['report', 'opts'] as const)
      assert.doesNotMatch(JSON.stringify(assess(mode, seen('28.2.0')).files), /direct-routing/);
  });

  test('puts bip and mtu in, and ip-masq only where it is not Docker’s default', () => {
    assert.deepEqual(edits(assess('daemon-json', {})), [
      { want: { bip: '10.5.34.1/24', mtu: 1450 }, have: { bip: undefined, mtu: undefined } },
    ]);
    const masq = assess('daemon-json', { daemonJson: '{"mtu":1450,"ip-masq":true}' }, { ...LEASE, ipMasq: true });
    assert.equal(masq.files[0]?.content, '{"mtu":1450,"ip-masq":false,"bip":"10.5.34.1/24"}');
    const back = assess('daemon-json', { daemonJson: masq.files[0]!.content });
    assert.equal(back.files[0]?.content, '{"mtu":1450,"ip-masq":true,"bip":"10.5.34.1/24"}');
  });

  test('right as it is: not touched', () =>
    assert.deepEqual(
      assess('daemon-json', running(RIGHT, { daemonJson: '{"bip":"10.5.34.1/24","mtu":1450}' })).files,
      [],
    ));

  test('invalid: held and left alone', () => {
    const found = assess('daemon-json', running(OLD, { daemonJson: '{"a":1,}' }));
    assert.deepEqual([found.files, whys(found), found.restartWouldHelp], [[], ['invalid', 'restart due'], false]);
  });

  test('an options file that gives the same by flag: left alone until that is gone, for dockerd would not start', () => {
    const found = assess('daemon-json', running(OLD, { optsFile: OPTS, daemonJson: '{}' }));
    assert.deepEqual([found.files, whys(found), found.restartWouldHelp], [[], ['given twice', 'restart due'], false]);
    assert.match(found.held[0]!.detail, /remove \/run\/flannel\/docker_opts\.env/);
  });
});
