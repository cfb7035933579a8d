import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../../config/errors.ts';
import { FLAGS } from '../../../config/flags.ts';
import { parseOptions } from '../../../config/options.ts';

type Env = Record<string, string>;
const parse = (line: string, env: Env = {}) =>
  parseOptions(
    line.split(' ').filter((word) => word !== ''),
    env,
  );

test('nothing given: flanneld’s defaults', () => {
  assert.deepEqual(parse(''), {
    command: 'run',
    args: [],
    etcd: {
      api: 'auto',
      endpoints: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'],
      prefix: '/coreos.com/network',
      keyFile: '',
      certFile: '',
      caFile: '',
      username: '',
      password: '',
    },
    iface: [],
    ifaceRegex: [],
    subnetFile: '/run/flannel/subnet.env',
    renewMarginMinutes: 60,
    ipMasq: false,
    firewall: { fullyRandom: true, forwardRules: true, resyncSeconds: 5 },
    fleet: false,
    wrong: false,
    controlSocket: '',
    watch: false,
    healthz: { ip: '0.0.0.0', port: 0 },
    once: false,
    leaseTtlSeconds: 86400,
    cloudResyncMs: 300_000,
    probeIntervalMs: 0,
    migrationGraceMs: 600_000,
    keepStale: false,
    resync: '* * * * *',
    lease: 'acquire',
    leave: { handBack: false, releaseLease: false, dryRun: false },
    migrate: { from: 'v2', to: 'v3', apply: false },
    stateCache: '/var/lib/selvage/desired.json',
    docker: {
      mode: 'report',
      host: 'unix:///var/run/docker.sock',
      bridge: 'docker0',
      daemonJson: '/etc/docker/daemon.json',
      opts: { file: '/run/flannel/docker_opts.env', key: 'DOCKER_OPTS', combined: false, variables: {} },
      restart: { policy: 'never', command: 'systemctl restart docker', holdoffMs: 300_000 },
    },
    logLevel: 'info',
    logFormat: 'auto',
    all: false,
    color: 'auto',
    ignored: [],
    fromEnv: [],
    unknownEnv: [],
  });
});

test('a unit file of flanneld’s works as it stands', () => {
  const options = parse(
    '-etcd-endpoints=https://a:2379,https://b:2379 -etcd-cafile /ca.pem --etcd-certfile=/c.pem -etcd-keyfile=/k.pem ' +
      '-etcd-prefix=/docker/network/ -iface=eth1 --ip-masq -healthz-port=2401 -v=10 --kube-subnet-mgr=false ' +
      '-iptables-resync 60 --iptables-forward-rules=false -subnet-lease-renew-margin=120 -public-ip=192.168.64.3',
  );
  assert.deepEqual(options.etcd, {
    api: 'auto',
    endpoints: ['https://a:2379', 'https://b:2379'],
    prefix: '/docker/network',
    keyFile: '/k.pem',
    certFile: '/c.pem',
    caFile: '/ca.pem',
    username: '',
    password: '',
  });
  assert.deepEqual(options.iface, ['eth1']);
  assert.equal(options.ipMasq, true);
  assert.equal(options.publicIP, '192.168.64.3');
  assert.deepEqual(options.healthz, { ip: '0.0.0.0', port: 2401 });
  assert.equal(options.renewMarginMinutes, 120);
  assert.equal(options.logLevel, 'trace');
  assert.deepEqual(options.firewall, { fullyRandom: true, forwardRules: false, resyncSeconds: 60 });
  assert.deepEqual(options.ignored, []);
});

test('every flag that has no effect yet is accepted, and named', () => {
  const noEffect = FLAGS.filter((flag) => flag.noEffect && flag.name !== 'kube-subnet-mgr');
  const value = { string: 'x', bool: 'true', int: '1', duration: '1s', list: 'x' };
  const argv = noEffect.map((flag) => `--${flag.name}=${value[flag.type]}`);
  assert.deepEqual(
    parseOptions(argv, {}).ignored,
    noEffect.map((flag) => flag.name),
  );
  assert.ok(noEffect.length >= 10);
});

test('flags stand before or after the command', () => {
  for (const line of ['--etcd-prefix=/x drift --format json', 'drift --format json --etcd-prefix /x']) {
    const options = parse(line);
    assert.deepEqual([options.command, options.etcd.prefix, options.format], ['drift', '/x', 'json']);
  }
  assert.deepEqual(parse('--iface=a leases --iface=b').iface, ['a', 'b']);
  assert.equal(parse('--v=1 run --v=0').logLevel, 'info');
});

test('commands', () => {
  assert.equal(parse('run').command, 'run');
  assert.equal(parse('leases').command, 'leases');
  assert.equal(parse('version').command, 'version');
  assert.equal(parse('--version').command, 'version');
  assert.equal(parse('help').command, 'help');
  assert.equal(parse('drift -h').command, 'help');
  assert.equal(parse('--help --healthz-port=junk').command, 'help');
  assert.equal(parse('--once').once, true);
  assert.equal(parse('run --once').once, true);
  assert.deepEqual(parse('check-config').args, []);
  assert.deepEqual(parse('check-config net.json --log-level=debug').args, ['net.json']);
  assert.deepEqual(parse('check-config -').args, ['-']);
  assert.deepEqual(parse('check-config -- --odd-name').args, ['--odd-name']);
});

test('an empty word, which systemd makes of an empty variable, is none', () => {
  const { command, etcd, ipMasq } = parseOptions(['-etcd-prefix=/c', '', '--ip-masq', ''], {});
  assert.deepEqual([command, etcd.prefix, ipMasq], ['run', '/c', true]);
});

describe('the environment', () => {
  test('SELVAGE_ goes before FLANNELD_, and both behind the command line', () => {
    const env = { SELVAGE_ETCD_PREFIX: '/s', FLANNELD_ETCD_PREFIX: '/f' };
    assert.equal(parse('', env).etcd.prefix, '/s');
    assert.equal(parse('', { FLANNELD_ETCD_PREFIX: '/f' }).etcd.prefix, '/f');
    assert.equal(parse('--etcd-prefix=/c', env).etcd.prefix, '/c');
    assert.deepEqual(parse('', env).fromEnv, ['SELVAGE_ETCD_PREFIX']);
    assert.deepEqual(parse('--etcd-prefix=/c', env).fromEnv, []);
  });

  test('an empty variable is none', () => {
    const env = { SELVAGE_ETCD_PREFIX: '', FLANNELD_ETCD_PREFIX: '/f' };
    assert.equal(parse('', env).etcd.prefix, '/f');
    assert.equal(parse('', { SELVAGE_ETCD_PREFIX: '' }).etcd.prefix, '/coreos.com/network');
  });

  test('a repeatable flag gets one value', () => {
    assert.deepEqual(parse('', { FLANNELD_IFACE: 'eth0,eth1' }).iface, ['eth0,eth1']);
  });

  test('all types, and names with an underscore', () => {
    const env = { FLANNELD_IP_MASQ: 'true', FLANNELD_HEALTHZ_PORT: '8080', SELVAGE_SUBNET_LEASE_TTL: '1h' };
    const options = parse('', { ...env, FLANNELD_LOG_BACKTRACE_AT: 'a.go:1', SELVAGE_V: '1' });
    assert.deepEqual([options.ipMasq, options.healthz.port, options.leaseTtlSeconds], [true, 8080, 3600]);
    assert.deepEqual(options.ignored, ['log_backtrace_at']);
    assert.equal(options.logLevel, 'debug');
  });

  test('a bad variable is named', () => {
    assert.throws(() => parse('', { FLANNELD_HEALTHZ_PORT: 'x' }), {
      name: 'UsageError',
      flag: 'healthz-port',
      message: 'FLANNELD_HEALTHZ_PORT is "x", but must be a whole number.',
    });
  });

  test('version and help are never read from it: images set FLANNELD_VERSION', () => {
    assert.equal(parse('', { FLANNELD_VERSION: 'v0.28.9', SELVAGE_HELP: 'true' }).command, 'run');
  });

  test('SELVAGE_ONCE makes no other command wrong', () => {
    assert.equal(parse('', { SELVAGE_ONCE: 'true' }).once, true);
    assert.equal(parse('drift', { SELVAGE_ONCE: 'true' }).once, false);
  });

  test('help is given whatever the environment says', () => {
    assert.equal(parse('--help', { SELVAGE_HEALTHZ_PORT: 'x' }).command, 'help');
  });
});

test('endpoints: the scheme is http, or https with TLS files, as in etcd’s own client', () => {
  assert.deepEqual(parse('--etcd-endpoints=a:2379,https://b:1').etcd.endpoints, ['http://a:2379', 'https://b:1']);
  assert.deepEqual(parse('--etcd-endpoints=a:2379 --etcd-cafile=/ca').etcd.endpoints, ['https://a:2379']);
  assert.deepEqual(parse('--etcd-endpoints=http://a:2379/ --etcd-cafile=/ca').etcd.endpoints, ['http://a:2379']);
  assert.deepEqual(parse('--etcd-endpoints=[::1]:2379').etcd.endpoints, ['http://[::1]:2379']);
  assert.deepEqual(parseOptions(['--etcd-endpoints', 'HTTP://a:1, b:2'], {}).etcd.endpoints, [
    'http://a:1',
    'http://b:2',
  ]);
});

test('a short lease is renewed after two thirds of it, unless a margin is given', () => {
  assert.equal(parse('--subnet-lease-ttl=3m').renewMarginMinutes, 1);
  assert.equal(parse('--subnet-lease-ttl=3m --subnet-lease-renew-margin=2').renewMarginMinutes, 2);
  assert.equal(parse('--subnet-lease-ttl=48h').renewMarginMinutes, 60);
});

test('-v comes to a log level, and --log-level goes before it', () => {
  assert.equal(parse('--v=1').logLevel, 'debug');
  assert.equal(parse('--v=5').logLevel, 'trace');
  assert.equal(parse('--v=5 --log-level=warn').logLevel, 'warn');
});

describe('bad usage is told in one sentence', () => {
  const cases: [string, string][] = [
    [
      '--docker=opts --docker-opts-file=/run/x --subnet-file=/run/x',
      "--docker-opts-file is the subnet file itself: give Docker's options a file of their own, such as /run/flannel/docker_opts.env.",
    ],
    ['dirft', '"dirft" is no command of selvage: did you mean drift?'],
    [
      'nonsense',
      '"nonsense" is no command of selvage: there are run, drift, leases, fleet, doctor, migrate, leave, status, check-config, docker-opts, version, help.',
    ],
    [
      '--ip-masq true',
      '"true" is no command of selvage: a flag that is on or off takes its value after "=", as in --ip-masq=true.',
    ],
    ['drift now', 'selvage drift takes no words after it: leave out "now".'],
    ['check-config a b', 'selvage check-config takes one FILE, or - for standard input: leave out "b".'],
    ['drift --once', '--once makes a repair run, but selvage drift repairs nothing: leave one of them out.'],
    ['--once leases', '--once makes a repair run, but selvage leases repairs nothing: leave one of them out.'],
    ['--once=maybe', '--once is "maybe", but must be true or false.'],
    ['--help=maybe', '--help is "maybe", but must be true or false.'],
    [
      '--kube-subnet-mgr',
      '--kube-subnet-mgr is true, but selvage reads etcd only: leave it out and keep the network in etcd.',
    ],
    // Each command names what it takes itself.
    ...['', 'doctor ', 'fleet ', 'migrate ', 'leave ', 'status '].map((command): [string, string] => [
      `${command}--format=yaml`,
      '--format is "yaml", but must be one of table, json, markdown.',
    ]),
    ['drift --format=yaml', '--format is "yaml", but must be one of table, json, markdown, commands.'],
    ['leases --format=yaml', '--format is "yaml", but must be one of table, json, markdown, state-file.'],
    ['--lease=steal', '--lease is "steal", but must be one of acquire, adopt.'],
    ['--log-level=loud', '--log-level is "loud", but must be one of trace, debug, info, warn, error.'],
    ...['1.2.3', 'fc00::1', '127.0.0.1', '224.0.0.5', '240.0.0.1', '255.255.255.255', '0.0.0.0'].map(
      (text): [string, string] => [
        `--public-ip=${text}`,
        `--public-ip is "${text}", but must be a host's IPv4 address, such as 192.168.64.3 (not loopback, multicast, broadcast or 240.0.0.0/4).`,
      ],
    ),
    ['--healthz-ip=localhost', '--healthz-ip is "localhost", but must be an IP address, such as 0.0.0.0.'],
    ['--healthz-port=65536', '--healthz-port is "65536", but must be a whole number from 0 to 65535.'],
    ['--healthz-port=http', '--healthz-port is "http", but must be a whole number.'],
    [
      '--subnet-lease-renew-margin=0',
      '--subnet-lease-renew-margin is "0", but must be a whole number from 1 to 1439 (minutes).',
    ],
    [
      '--subnet-lease-renew-margin=1440',
      '--subnet-lease-renew-margin is "1440", but must be a whole number from 1 to 1439 (minutes).',
    ],
    [
      '--subnet-lease-ttl=24',
      '--subnet-lease-ttl is "24", but must be a duration with its unit, such as 24h, 1h30m, 90s or 500ms.',
    ],
    ['--subnet-lease-ttl=500ms', '--subnet-lease-ttl is "500ms", but must be whole seconds, 2s or more, such as 24h.'],
    ['--subnet-lease-ttl=-1h', '--subnet-lease-ttl is "-1h", but must be whole seconds, 2s or more, such as 24h.'],
    [
      '--subnet-lease-ttl=1h --subnet-lease-renew-margin=60',
      '--subnet-lease-renew-margin is 60 minutes, but a lease lasts only 1h: give less, or a longer --subnet-lease-ttl.',
    ],
    ['--subnet-file=', '--subnet-file is "", but must be the path of a file.'],
    ['--subnet-file=/run/', '--subnet-file is "/run/", but must be the path of a file.'],
    ['--etcd-prefix=', '--etcd-prefix is "", but must be a key, such as /coreos.com/network.'],
    ['--resync=', '--resync is "", but must be a cron expression, such as "* * * * *".'],
    ...['', 'eth[', '(?i)eth('].map((text): [string, string] => [
      `--iface=${text}`,
      `--iface is "${text}", but must be the name or address of an interface, or a regular expression, such as eth0 or eth.*.`,
    ]),
    ['--iface-regex=(', '--iface-regex is "(", but must be a regular expression, such as ^eth[0-9]+$.'],
    [
      '--etcd-keyfile=/k',
      '--etcd-keyfile is given without --etcd-certfile: a client key and its certificate are given together.',
    ],
    [
      '--etcd-certfile=/c',
      '--etcd-certfile is given without --etcd-keyfile: a client key and its certificate are given together.',
    ],
    ['--etcd-username=root', '--etcd-username is given without --etcd-password: etcd needs both.'],
    ['--etcd-password=x', '--etcd-password is given without --etcd-username: etcd needs both.'],
  ];
  for (const [line, message] of cases) {
    test(line, () => assert.throws(() => parse(line), { name: 'UsageError', message }));
  }

  const endpoints = [
    '',
    'etcd',
    'http://etcd',
    'ftp://etcd:2379',
    'http://etcd:0',
    'http://etcd:65536',
    'http://etcd:2379/v2',
    'http://a:1,,http://b:1',
    'http://u:p@a:1',
    'a b:1',
    'http://:2379',
    'http://a:1?x',
  ];
  for (const text of endpoints) {
    test(`--etcd-endpoints=${text}`, () =>
      assert.throws(() => parseOptions([`--etcd-endpoints=${text}`], {}), {
        flag: 'etcd-endpoints',
        message: `--etcd-endpoints is "${text.replace('u:p@', '***@')}", but must be a comma-separated list of URLs with host and port and no path, such as http://127.0.0.1:2379.`,
      }));
  }

  test('a password in a URL is not repeated', () => {
    assert.throws(
      () => parse('', { FLANNELD_ETCD_ENDPOINTS: 'http://root:s3/cr@et@a:1' }),
      (error) =>
        error instanceof UsageError && /FLANNELD_ETCD_ENDPOINTS/.test(error.message) && !/s3|cr@/.test(error.message),
    );
  });

  test('half a pair in the environment is named by its variable', () => {
    assert.throws(() => parse('', { FLANNELD_ETCD_KEYFILE: '/k' }), {
      message:
        'FLANNELD_ETCD_KEYFILE is given without --etcd-certfile: a client key and its certificate are given together.',
    });
  });
});

test('Docker: its window, its key, and what the environment adds to its options', () => {
  const env = { DOCKER_OPT_LOG: '--log-level=debug', NETWORK: '-H x', OTHER: 'y' };
  const { docker } = parse(
    '--docker=opts --docker-opts-key=NETWORK --docker-opts-combined --docker-restart idle --docker-restart-window=@daily --docker-restart-window-duration=2h --docker-restart-holdoff 10m',
    env,
  );
  assert.deepEqual(docker.opts, {
    file: '/run/flannel/docker_opts.env',
    key: 'NETWORK',
    combined: true,
    variables: { DOCKER_OPT_LOG: '--log-level=debug', NETWORK: '-H x' },
  });
  assert.deepEqual(docker.restart, {
    policy: 'idle',
    command: 'systemctl restart docker',
    window: { begins: '@daily', durationMs: 7_200_000 },
    holdoffMs: 600_000,
  });
  assert.equal(parse('--docker-host tcp://127.0.0.1:2375').docker.host, 'tcp://127.0.0.1:2375');
  const wrong = [
    '--docker=on',
    '--docker-host=/run/docker.sock',
    '--docker-opts-key=a-b',
    '--docker-restart-holdoff=0s',
    '--docker-daemon-json=/etc/',
  ];
  for (const flag of wrong) assert.throws(() => parse(flag), UsageError, flag);
});
