import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatDockerOpts, OptsError, parseOptsCommand, type Variables } from '../../../config/docker-opts.ts';

const FLANNEL = { FLANNEL_SUBNET: '10.1.74.1/24', FLANNEL_MTU: '1472', FLANNEL_IPMASQ: 'false' };

/** As the script is run: flags → the file's text. */
function made(flags: string, variables: Variables = FLANNEL): string {
  const command = parseOptsCommand(flags.split(' ').filter(Boolean));
  assert.notEqual(command, 'usage');
  return formatDockerOpts(variables, command as Exclude<typeof command, 'usage'>);
}

describe('the file, to the byte', () => {
  const individual =
    'DOCKER_OPT_BIP="--bip=10.1.74.1/24"\nDOCKER_OPT_IPMASQ="--ip-masq=true"\nDOCKER_OPT_MTU="--mtu=1472"\n';
  const combined = 'DOCKER_OPTS=" --bip=10.1.74.1/24 --ip-masq=true --mtu=1472"\n';
  const golden: [flags: string, variables: Variables, text: string][] = [
    ['', FLANNEL, individual + combined],
    ['-i -c', FLANNEL, individual + combined],
    ['-i', FLANNEL, individual],
    ['-c', FLANNEL, combined],
    [
      '-m',
      FLANNEL,
      'DOCKER_OPT_BIP="--bip=10.1.74.1/24"\nDOCKER_OPT_MTU="--mtu=1472"\nDOCKER_OPTS=" --bip=10.1.74.1/24 --mtu=1472"\n',
    ],
    [
      '-c -k DOCKER_NETWORK_OPTIONS',
      FLANNEL,
      'DOCKER_NETWORK_OPTIONS=" --bip=10.1.74.1/24 --ip-masq=true --mtu=1472"\n',
    ],
    ['-c', { ...FLANNEL, FLANNEL_IPMASQ: 'true' }, 'DOCKER_OPTS=" --bip=10.1.74.1/24 --ip-masq=false --mtu=1472"\n'],
    ['-c', { FLANNEL_SUBNET: '10.1.74.1/24' }, 'DOCKER_OPTS=" --bip=10.1.74.1/24"\n'],
    // What the variable has stays in front, with two spaces behind it.
    ['-c', { ...FLANNEL, DOCKER_OPTS: '-H x' }, 'DOCKER_OPTS="-H x  --bip=10.1.74.1/24 --ip-masq=true --mtu=1472"\n'],
    ['-c', { DOCKER_OPTS: '-H x' }, 'DOCKER_OPTS="-H x "\n'],
    ['', {}, 'DOCKER_OPTS=""\n'],
    ['-i', {}, ''],
    // The environment's own options, in order of their names.
    [
      '-i',
      { DOCKER_OPT_Z: '--z', DOCKER_OPT_A: '--a', FLANNEL_MTU: '1450' },
      'DOCKER_OPT_A="--a"\nDOCKER_OPT_MTU="--mtu=1450"\nDOCKER_OPT_Z="--z"\n',
    ],
    ['', { DOCKER_OPT_E: '', MY_DOCKER_OPT_B: '--b' }, 'DOCKER_OPT_E=""\nMY_DOCKER_OPT_B="--b"\nDOCKER_OPTS="  --b"\n'],
    ['-c', { DOCKER_OPT_BIP: '--bip=172.18.0.1/16' }, 'DOCKER_OPTS=" --bip=172.18.0.1/16"\n'],
    ['-c', { ...FLANNEL, DOCKER_OPT_BIP: '--bip=172.18.0.1/16' }, combined],
    // A name that no shell variable can have.
    ['-i', { 'DOCKER_OPT_A-B': '--a' }, ''],
  ];
  for (const [flags, variables, text] of golden)
    test(`${flags || 'no flags'}: ${JSON.stringify(variables)}`, () => assert.equal(made(flags, variables), text));
});

test('an option with spaces, which the script makes garbage of, stays whole', () => {
  assert.equal(made('-c', { DOCKER_OPT_LOG: '--log-opt tag="a  b"' }), 'DOCKER_OPTS=" --log-opt tag="a  b""\n');
});

test('FLANNEL_IPMASQ is true or false', () => {
  const variables = { ...FLANNEL, FLANNEL_IPMASQ: 'maybe' };
  assert.throws(() => made('', variables), new OptsError('Invalid value of FLANNEL_IPMASQ: maybe'));
  assert.equal(made('-c -m', variables), 'DOCKER_OPTS=" --bip=10.1.74.1/24 --mtu=1472"\n');
});

describe('flags, as getopts reads them', () => {
  const defaults = { flannelEnv: '/run/flannel/subnet.env', dockerEnv: '/run/docker_opts.env', key: 'DOCKER_OPTS' };
  const cases: [flags: string[], command: object | 'usage'][] = [
    [[], { ...defaults, individual: true, combined: true, ipMasq: true }],
    [
      ['-f', '/a', '-d', '/b', '-k', 'K'],
      { flannelEnv: '/a', dockerEnv: '/b', key: 'K', individual: true, combined: true, ipMasq: true },
    ],
    [['-icm'], { ...defaults, individual: true, combined: true, ipMasq: false }],
    [['-cf/a'], { ...defaults, flannelEnv: '/a', individual: false, combined: true, ipMasq: true }],
    [['-mk', '-x'], { ...defaults, key: '-x', individual: true, combined: true, ipMasq: false }],
    [['-m', 'word', '-c'], { ...defaults, individual: true, combined: true, ipMasq: false }],
    [['--', '-i'], { ...defaults, individual: true, combined: true, ipMasq: true }],
    [['-', '-i'], { ...defaults, individual: true, combined: true, ipMasq: true }],
    [['-h'], 'usage'],
    [['-?'], 'usage'],
    [['-ix'], 'usage'],
    [['-f'], 'usage'],
    [['--help'], 'usage'],
  ];
  for (const [flags, command] of cases)
    test(flags.join(' ') || 'none', () => assert.deepEqual(parseOptsCommand(flags), command));
});
