/**
 * Owns the typed options that a command line and an environment come to. A flag on the command line beats SELVAGE_*, which beats
 * FLANNELD_*, which beats the default; an empty variable counts as none. Nothing here touches the world: files are named, not read.
 */

import { type DockerOptions, dockerOptionsOf } from './docker-options.ts';
import { formatDuration } from './duration.ts';
import { endpointUrls } from './endpoints.ts';
import { UsageError } from './errors.ts';
import { type AllGiven, type Given, gather, readValues } from './flag-values.ts';
import { COMMANDS, type Command, FLAGS, type FlagName, type FlagValues } from './flags.ts';
import { type GoArgv, parseGoArgv } from './go-argv.ts';
import { parseGoBool } from './go-value.ts';
import type { HttpAddress } from './http-address.ts';
import { nearest } from './nearest.ts';
import { unknownVariables } from './unknown-variables.ts';

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface Options {
  command: Command;
  /** Words after the command: check-config's FILE. */
  args: string[];
  etcd: {
    api: 'auto' | 'v2' | 'v3';
    /** URLs with scheme, host and port and nothing else. */
    endpoints: string[];
    /** Cleaned as Go's path.Join does. */
    prefix: string;
    /** "" where not given. */
    keyFile: string;
    certFile: string;
    caFile: string;
    username: string;
    password: string;
  };
  iface: string[];
  ifaceRegex: string[];
  subnetFile: string;
  publicIP?: string;
  /** Whole minutes if given; else 60, or a third of a shorter lease. */
  renewMarginMinutes: number;
  ipMasq: boolean;
  firewall: {
    /** Masquerade with ports drawn at random. */
    fullyRandom: boolean;
    forwardRules: boolean;
    /** How often what tells nothing of itself is looked at. */
    resyncSeconds: number;
  };
  /** "": the usual place; none: no socket. */
  controlSocket: string;
  /** This host says how it is to the others. */
  fleet: boolean;
  /** Only hosts with something wrong are shown. */
  wrong: boolean;
  /** Where a single run writes its metrics; undefined: nowhere. */
  metricsFile?: string;
  /** undefined: nothing is served. */
  http?: HttpAddress;
  /** The status is shown again and again. */
  watch: boolean;
  /** Port 0: none. */
  healthz: { ip: string; port: number };
  once: boolean;
  /** undefined: table on a terminal, else JSON. */
  format?: 'table' | 'json' | 'markdown' | 'commands' | 'state-file';
  /** Each of many changes that are alike on a line of its own. */
  all: boolean;
  color: 'auto' | 'always' | 'never';
  leaseTtlSeconds: number;
  /** How long an earlier path is kept for hosts that have not moved. */
  migrationGraceMs: number;
  /** What nobody wants any more is reported and stays. */
  keepStale: boolean;
  /** A cron expression, unchecked. */
  resync: string;
  /** Between two looks at the cloud's route tables. */
  cloudResyncMs: number;
  lease: 'acquire' | 'adopt';
  leave: { handBack: boolean; releaseLease: boolean; dryRun: boolean };
  migrate: { from: 'v2' | 'v3'; to: 'v2' | 'v3'; apply: boolean };
  /** Between two peers that the daemon asks; 0: it asks none. */
  probeIntervalMs: number;
  /** Of selvage doctor: whom packets are sent to; undefined: nobody. */
  probe?: 'all' | number | string[];
  /** undefined: etcd is the source. */
  stateFile?: string;
  /** undefined: none is kept. */
  stateCache?: string;
  docker: DockerOptions;
  logLevel: LogLevel;
  logFormat: 'auto' | 'text' | 'json';
  /** Flags of flannel's that were given and have no effect here yet. */
  ignored: string[];
  /** Variables that were read. */
  fromEnv: string[];
  /** What is said of variables that look like selvage's and are none. */
  unknownEnv: string[];
}

/** @param argv without node and script. @throws UsageError */
export function parseOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Options {
  const { flags, words } = readWords(argv);
  const { command, args } = readCommand(flags, words);
  // Who asks for help must get it, whatever else is wrong.
  const given = command === 'help' || command === 'version' ? new Map<FlagName, Given>() : gather(flags, env);
  const values = readValues(given, command);
  checkTogether(command, values, given);
  return {
    command,
    args,
    etcd: {
      api: values['etcd-api'],
      endpoints: endpointUrls(values['etcd-endpoints'], values['etcd-certfile'] !== '' || values['etcd-cafile'] !== ''),
      prefix: values['etcd-prefix'],
      keyFile: values['etcd-keyfile'],
      certFile: values['etcd-certfile'],
      caFile: values['etcd-cafile'],
      username: values['etcd-username'],
      password: values['etcd-password'],
    },
    iface: values.iface,
    ifaceRegex: values['iface-regex'],
    subnetFile: values['subnet-file'],
    ...(values['public-ip'] === '' ? {} : { publicIP: values['public-ip'] }),
    renewMarginMinutes: renewMargin(values, given),
    ipMasq: values['ip-masq'],
    firewall: {
      fullyRandom: !values['ip-masq-fully-random-disable'],
      forwardRules: values['iptables-forward-rules'],
      resyncSeconds: values['iptables-resync'],
    },
    fleet: values.fleet,
    wrong: values.wrong,
    controlSocket: values['control-socket'],
    ...(values['metrics-file'] === '' ? {} : { metricsFile: values['metrics-file'] }),
    ...(values.http ? { http: values.http } : {}),
    watch: values.watch,
    healthz: { ip: values['healthz-ip'], port: values['healthz-port'] },
    once: values.once && command === 'run',
    ...(values.format === '' ? {} : { format: values.format }),
    all: values.all,
    color: values.color,
    leaseTtlSeconds: values['subnet-lease-ttl'] / 1000,
    migrationGraceMs: values['migration-grace'],
    keepStale: values['keep-stale'],
    resync: values.resync,
    cloudResyncMs: values['cloud-resync'],
    // Nobody takes a lease out of a file.
    lease: values['state-file'] === '' ? values.lease : 'adopt',
    leave: { handBack: values['hand-back'], releaseLease: values['release-lease'], dryRun: values['dry-run'] },
    migrate: { from: values.from, to: values.to, apply: values.apply },
    probeIntervalMs: values['probe-interval'],
    ...(values.probe ? { probe: values.peers } : {}),
    ...(values['state-file'] === '' ? {} : { stateFile: values['state-file'] }),
    ...(values['state-cache'] === 'none' ? {} : { stateCache: values['state-cache'] }),
    docker: dockerOptionsOf(values, env),
    logLevel: logLevel(values, given),
    logFormat: values['log-format'],
    ignored: ignoredOf(given),
    fromEnv: [...given.values()].filter((one) => one.env).map((one) => one.source),
    unknownEnv: unknownVariables(env),
  };
}

/**
 * Words of FLANNEL_OPTIONS (RHEL's /etc/sysconfig/flanneld) that the command line doesn't have: there it is put into the command line, and
 * nobody reads it from the environment. undefined: all have come.
 */
export function unreadWords(
  argv: readonly string[],
  { FLANNEL_OPTIONS = '' }: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const words = FLANNEL_OPTIONS.split(/\s+/).filter((word) => word !== '' && !argv.includes(word));
  return words.length ? words.join(' ') : undefined;
}

/** kube-subnet-mgr=false has all the effect that it asks for. */
const ignoredOf = (given: AllGiven): string[] =>
  FLAGS.filter((flag) => flag.noEffect && flag.name !== 'kube-subnet-mgr' && given.has(flag.name)).map(
    ({ name }) => name,
  );

/** Flags and words, in any order: where Go stops at the first word, we go on behind it, up to "--". */
function readWords(argv: readonly string[]): { flags: GoArgv['given']; words: string[] } {
  const flags: GoArgv['given'] = new Map();
  const words: string[] = [];
  for (let rest = argv; rest.length > 0; ) {
    const part = parseGoArgv(rest);
    for (const [name, texts] of part.given) flags.set(name, [...(flags.get(name) ?? []), ...texts]);
    const taken = part.terminated ? part.rest.length : 1;
    // systemd makes an empty word of an empty ${FLANNEL_OPTIONS}; flanneld, too, starts with it.
    words.push(...part.rest.slice(0, taken).filter((word) => word !== ''));
    rest = part.rest.slice(taken);
  }
  return { flags, words };
}

function readCommand(flags: GoArgv['given'], words: string[]): { command: Command; args: string[] } {
  const on = (name: FlagName) => parseGoBool(flags.get(name)?.at(-1) ?? 'false') === true;
  if (on('help')) return { command: 'help', args: [] };
  if (on('version')) return { command: 'version', args: [] };
  const [word = 'run', ...args] = words;
  const command = COMMANDS.find((name) => name === word);
  if (!command) {
    if (parseGoBool(word) !== undefined) {
      throw new UsageError(
        `"${word}" is no command of selvage: a flag that is on or off takes its value after "=", as in --ip-masq=true.`,
      );
    }
    const near = nearest(word, COMMANDS);
    throw new UsageError(
      `"${word}" is no command of selvage: ${near ? `did you mean ${near}?` : `there are ${COMMANDS.join(', ')}.`}`,
    );
  }
  if (command === 'docker-opts') {
    throw new UsageError(
      "selvage docker-opts takes mk-docker-opts.sh's flags and no others: write docker-opts first, and -f, -d, -i, -c, -m, -k behind it.",
    );
  }
  const most = command === 'check-config' ? 1 : 0;
  if (args.length > most) {
    const takes = most === 0 ? 'takes no words after it' : 'takes one FILE, or - for standard input';
    throw new UsageError(`selvage ${command} ${takes}: leave out "${args[most]}".`);
  }
  return { command, args };
}

function checkTogether(command: Command, values: FlagValues, given: AllGiven): void {
  const name = (flag: FlagName) => given.get(flag)?.source ?? `--${flag}`;
  const pair = (one: FlagName, other: FlagName, why: string) => {
    if (values[one] === '' || values[other] !== '') return;
    throw new UsageError(`${name(one)} is given without --${other}: ${why}.`, one);
  };
  if (values['kube-subnet-mgr']) {
    throw new UsageError(
      `${name('kube-subnet-mgr')} is true, but selvage reads etcd only: leave it out and keep the network in etcd.`,
      'kube-subnet-mgr',
    );
  }
  if (values.once && command !== 'run' && !given.get('once')?.env) {
    throw new UsageError(
      `--once makes a repair run, but selvage ${command} repairs nothing: leave one of them out.`,
      'once',
    );
  }
  if (command === 'migrate' && values.from === values.to) {
    throw new UsageError(`selvage migrate goes from one API to the other: say --from v2 --to v3.`, 'to');
  }
  if (values['hand-back'] && values['release-lease']) {
    throw new UsageError(
      '--hand-back keeps the lease, which flanneld goes on with: leave out --release-lease.',
      'release-lease',
    );
  }
  if (values['release-lease'] && (values.lease === 'adopt' || values['state-file'] !== '')) {
    const why =
      values['state-file'] === '' ? `${name('lease')} adopt never writes etcd` : 'nobody gives up a lease of a file';
    throw new UsageError(`--release-lease is given, but ${why}: leave one of them out.`, 'release-lease');
  }
  if (values.format === 'state-file' && command !== 'leases') {
    throw new UsageError(
      `${name('format')} state-file is the form of a network, not of a report: it goes with selvage leases only.`,
      'format',
    );
  }
  if (values.format === 'commands' && command !== 'drift') {
    throw new UsageError(
      `${name('format')} commands is a repair that somebody else makes: it goes with selvage drift only.`,
      'format',
    );
  }
  if (values.docker === 'opts' && values['docker-opts-file'] === values['subnet-file']) {
    throw new UsageError(
      `${name('docker-opts-file')} is the subnet file itself: give Docker's options a file of their own, such as /run/flannel/docker_opts.env.`,
      'docker-opts-file',
    );
  }
  pair('etcd-keyfile', 'etcd-certfile', 'a client key and its certificate are given together');
  pair('etcd-certfile', 'etcd-keyfile', 'a client key and its certificate are given together');
  pair('etcd-username', 'etcd-password', 'etcd needs both');
  pair('etcd-password', 'etcd-username', 'etcd needs both');
  const ttlMinutes = values['subnet-lease-ttl'] / 60_000;
  if (given.has('subnet-lease-renew-margin') && values['subnet-lease-renew-margin'] >= ttlMinutes) {
    throw new UsageError(
      `${name('subnet-lease-renew-margin')} is ${values['subnet-lease-renew-margin']} minutes, but a lease lasts only ${formatDuration(values['subnet-lease-ttl'])}: give less, or a longer --subnet-lease-ttl.`,
      'subnet-lease-renew-margin',
    );
  }
}

function renewMargin(values: FlagValues, given: AllGiven): number {
  const margin = values['subnet-lease-renew-margin'];
  return given.has('subnet-lease-renew-margin') ? margin : Math.min(margin, values['subnet-lease-ttl'] / 60_000 / 3);
}

/** --log-level, else what flannel's -v comes to. */
function logLevel(values: FlagValues, given: AllGiven): LogLevel {
  if (given.has('log-level') || values.v < 1) return values['log-level'];
  return values.v >= 5 ? 'trace' : 'debug';
}
