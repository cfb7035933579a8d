/**
 * Owns the one table of flags. The parser, the environment, `--help`, docs/flags.md and the type FlagValues are all made from it:
 * a new flag is a new row. Names, types and defaults of flannel's own are flanneld's (docs/reference/flannel.md#flags-and-environment).
 */

import type * as z from 'zod';
import * as is from './flag-checks.ts';

/** How a value is read: as Go's flag package does. A list is a flag that may be repeated. */
export type FlagType = 'string' | 'bool' | 'int' | 'duration' | 'list';

export const COMMANDS = [
  'run',
  'drift',
  'leases',
  'fleet',
  'doctor',
  'migrate',
  'leave',
  'status',
  'check-config',
  'docker-opts',
  'version',
  'help',
] as const;
export type Command = (typeof COMMANDS)[number];

export interface Flag {
  name: string;
  type: FlagType;
  /** As it would be written on the command line; "": none. */
  default: string;
  /** One line, without a full stop. */
  help: string;
  of: 'flannel' | 'selvage';
  /** Commands that it does something for; for help and docs. A flag may always be given, so that one set of flags serves all. */
  commands: readonly Command[];
  placeholder?: string;
  /** Checks, and may convert, the value read by type. */
  check?: z.ZodType;
  /** What the value must be, where that is another thing for each command; else the check says it. */
  right?: (command: Command) => string;
  /** Never read from the environment. */
  noEnv?: true;
  /** flannel's, accepted so that its unit files work, and without effect here yet. */
  noEffect?: true;
}

const STORE = ['run', 'drift', 'leases', 'fleet', 'doctor', 'leave'] as const;
const ANSWERS = ['run', 'drift', 'leases', 'fleet', 'doctor', 'migrate', 'leave', 'status'] as const;
const FLEET = ['fleet'] as const;
const CONTROL = ['run', 'doctor', 'status'] as const;
const STATUS = ['status'] as const;
const SHOWN = ['run', 'drift', 'fleet', 'doctor', 'status'] as const;
const HOST_LEAVE_STATUS = ['run', 'drift', 'doctor', 'leave', 'status'] as const;
const ETCD = ['run', 'drift', 'leases', 'fleet', 'doctor', 'migrate', 'leave'] as const;
const REPORT = ['run', 'drift'] as const;
const MIGRATE = ['migrate'] as const;
const LEAVE = ['leave'] as const;
const DOCTOR = ['doctor'] as const;
const HOST_OR_LEAVE = ['run', 'drift', 'doctor', 'leave'] as const;
const HOST = ['run', 'drift', 'doctor'] as const;
const RUN = ['run'] as const;
const NOTHING = [] as const;

/** Of --format. */
function formsOf(command: Command): string {
  const own = { drift: ['commands'], leases: ['state-file'] } as Readonly<Record<string, readonly string[]>>;
  return `one of ${['table', 'json', 'markdown', ...(own[command] ?? [])].join(', ')}`;
}

// biome-ignore format: one flag a row
const ROWS = [
  // flannel's own
  { name: 'etcd-endpoints', type: 'string', default: 'http://127.0.0.1:4001,http://127.0.0.1:2379', help: 'etcd servers, separated by commas', of: 'flannel', commands: ETCD, placeholder: 'URLS', check: is.endpoints },
  { name: 'etcd-prefix', type: 'string', default: '/coreos.com/network', help: 'etcd key under which the network is kept', of: 'flannel', commands: ANSWERS, placeholder: 'KEY', check: is.prefix },
  { name: 'etcd-keyfile', type: 'string', default: '', help: 'private key for TLS with etcd (PEM)', of: 'flannel', commands: ETCD, placeholder: 'FILE' },
  { name: 'etcd-certfile', type: 'string', default: '', help: 'client certificate for TLS with etcd (PEM)', of: 'flannel', commands: ETCD, placeholder: 'FILE' },
  { name: 'etcd-cafile', type: 'string', default: '', help: 'certificate authority that etcd is checked against (PEM)', of: 'flannel', commands: ETCD, placeholder: 'FILE' },
  { name: 'etcd-username', type: 'string', default: '', help: 'etcd user', of: 'flannel', commands: ETCD, placeholder: 'NAME' },
  { name: 'etcd-password', type: 'string', default: '', help: 'etcd password; better given in the environment, where ps does not show it', of: 'flannel', commands: ETCD, placeholder: 'TEXT' },
  { name: 'iface', type: 'list', default: '', help: 'external interface by name, by address or by a regular expression that fits the whole of either (eth.*); repeated: the first that is there (default: that of the default route)', of: 'flannel', commands: HOST_OR_LEAVE, placeholder: 'NAME|IP|REGEX', check: is.interfaces },
  { name: 'iface-regex', type: 'list', default: '', help: 'external interface by a regular expression that fits a part of its addresses, or else of its name (^eth); repeated: the first that matches', of: 'flannel', commands: HOST_OR_LEAVE, placeholder: 'REGEX', check: is.regexes },
  { name: 'public-ip', type: 'string', default: '', help: 'address that other hosts reach this one by (default: that of the external interface)', of: 'flannel', commands: HOST_OR_LEAVE, placeholder: 'IP', check: is.optionalHostIPv4 },
  { name: 'subnet-file', type: 'string', default: '/run/flannel/subnet.env', help: 'file to which the subnet and MTU are written', of: 'flannel', commands: HOST_LEAVE_STATUS, placeholder: 'FILE', check: is.file },
  { name: 'subnet-lease-renew-margin', type: 'int', default: '60', help: 'minutes before its end at which the lease is renewed, 1 to 1439', of: 'flannel', commands: RUN, placeholder: 'MINUTES', check: is.intFrom(1, 1439, ' (minutes)') },
  { name: 'ip-masq', type: 'bool', default: 'false', help: 'masquerade what leaves the network, and write FLANNEL_IPMASQ=true', of: 'flannel', commands: HOST },
  { name: 'ip-masq-fully-random-disable', type: 'bool', default: 'false', help: 'masquerade without drawing ports at random', of: 'flannel', commands: HOST },
  { name: 'iptables-forward-rules', type: 'bool', default: 'true', help: 'keep rules that let containers of different hosts reach each other through whatever drops in FORWARD', of: 'flannel', commands: HOST },
  { name: 'iptables-resync', type: 'int', default: '5', help: 'seconds between looks at the firewall where it tells nobody of changes (iptables-legacy); nf_tables is followed as it changes', of: 'flannel', commands: RUN, placeholder: 'SECONDS', check: is.intFrom(0, 86400, ' (seconds)') },
  { name: 'healthz-ip', type: 'string', default: '0.0.0.0', help: 'address of the health server', of: 'flannel', commands: RUN, placeholder: 'IP', check: is.ip },
  { name: 'healthz-port', type: 'int', default: '0', help: 'port of the health server; 0: none', of: 'flannel', commands: RUN, placeholder: 'PORT', check: is.intFrom(0, 65535) },
  { name: 'v', type: 'int', default: '0', help: 'log verbosity: 1 or more is --log-level debug, 5 or more trace', of: 'flannel', commands: STORE, placeholder: 'N' },
  { name: 'version', type: 'bool', default: 'false', help: 'print the version and exit', of: 'flannel', commands: ['version'], noEnv: true },
  { name: 'help', type: 'bool', default: 'false', help: 'print this help and exit', of: 'flannel', commands: ['help'], noEnv: true },
  // selvage's own
  { name: 'once', type: 'bool', default: 'false', help: 'make one repair run and exit', of: 'selvage', commands: RUN },
  { name: 'format', type: 'string', default: '', help: 'form of the answer: table, json, markdown, for drift also commands (the repair as a script), for leases state-file (default: table on a terminal, else json)', of: 'selvage', commands: ANSWERS, placeholder: 'FORM', check: is.oneOf('', 'table', 'json', 'markdown', 'commands', 'state-file'), right: formsOf },
  { name: 'probe', type: 'bool', default: 'false', help: 'send packets to peers, too, and say who is reached, how fast, and how large a packet may be', of: 'selvage', commands: DOCTOR, noEnv: true },
  { name: 'peers', type: 'string', default: '64', help: 'whom --probe asks: all, so many (drawn at random), or subnets and public addresses, separated by commas', of: 'selvage', commands: DOCTOR, placeholder: 'all|N|SUBNETS', check: is.peers, noEnv: true },
  { name: 'all', type: 'bool', default: 'false', help: 'a line for each of many changes that are alike; without it more than 20 are one line', of: 'selvage', commands: SHOWN, noEnv: true },
  { name: 'color', type: 'string', default: 'auto', help: 'colours in a table: auto (on a terminal, unless NO_COLOR is set), always or never', of: 'selvage', commands: SHOWN, placeholder: 'WHEN', check: is.oneOf('auto', 'always', 'never') },
  { name: 'subnet-lease-ttl', type: 'duration', default: '24h', help: 'life of the lease without renewal', of: 'selvage', commands: RUN, placeholder: 'DURATION', check: is.ttl },
  { name: 'resync', type: 'string', default: '* * * * *', help: 'schedule of the full pass, as a cron expression', of: 'selvage', commands: RUN, placeholder: 'CRON', check: is.nonEmpty('a cron expression, such as "* * * * *"') },
  { name: 'cloud-resync', type: 'duration', default: '5m', help: 'how often the route tables of the cloud are looked at (backends aws-vpc and gce), half of that more or less', of: 'selvage', commands: RUN, placeholder: 'DURATION', check: is.positive },
  { name: 'probe-interval', type: 'duration', default: '0s', help: 'ask one peer after the other by real packets, one in so much time, and report who is unreachable; 0: none', of: 'selvage', commands: RUN, placeholder: 'DURATION', check: is.probeInterval },
  { name: 'migration-grace', type: 'duration', default: '10m', help: 'how long an earlier backend or VNI is kept, receiving, for hosts that have not followed a change of the config; 0: not at all', of: 'selvage', commands: HOST, placeholder: 'DURATION', check: is.notNegative },
  { name: 'keep-stale', type: 'bool', default: 'false', help: 'remove nothing of what earlier configs, leases or backends left behind; only report it', of: 'selvage', commands: HOST },
  { name: 'lease', type: 'string', default: 'acquire', help: 'acquire: take and renew a lease; adopt: never write etcd, work for the lease that is there', of: 'selvage', commands: RUN, placeholder: 'HOW', check: is.oneOf('acquire', 'adopt') },
  { name: 'etcd-api', type: 'string', default: 'auto', help: 'API of etcd that the network is kept with: v3 (flannel from 0.18), v2 (up to 0.17), or auto: v3 if the config is there, else v2', of: 'selvage', commands: STORE, placeholder: 'API', check: is.oneOf('auto', 'v2', 'v3') },
  { name: 'state-file', type: 'string', default: '', help: 'take config and leases from this file instead of etcd (selvage leases --format state-file writes one); the lease of this host is the one with its public IP', of: 'selvage', commands: STORE, placeholder: 'FILE' },
  { name: 'state-cache', type: 'string', default: '/var/lib/selvage/desired.json', help: 'where the last good copy of the desired state is kept, for when etcd cannot be reached; none: nowhere', of: 'selvage', commands: HOST_OR_LEAVE, placeholder: 'FILE', check: is.file },
  { name: 'from', type: 'string', default: 'v2', help: 'API that the network is copied from', of: 'selvage', commands: MIGRATE, placeholder: 'API', check: is.oneOf('v2', 'v3'), noEnv: true },
  { name: 'to', type: 'string', default: 'v3', help: 'API that it is copied to', of: 'selvage', commands: MIGRATE, placeholder: 'API', check: is.oneOf('v2', 'v3'), noEnv: true },
  { name: 'apply', type: 'bool', default: 'false', help: 'do it; without it only says what it would do', of: 'selvage', commands: MIGRATE, noEnv: true },
  { name: 'hand-back', type: 'bool', default: 'false', help: "leave everything in force, in flannel's own form and unmarked, for flanneld to take over", of: 'selvage', commands: LEAVE, noEnv: true },
  { name: 'release-lease', type: 'bool', default: 'false', help: 'give the lease up, too', of: 'selvage', commands: LEAVE, noEnv: true },
  { name: 'dry-run', type: 'bool', default: 'false', help: 'only say what would be done', of: 'selvage', commands: LEAVE, noEnv: true },
  { name: 'docker', type: 'string', default: 'report', help: 'off; report: say where Docker does not follow the subnet; opts: keep its options file; daemon-json: keep bip and mtu in daemon.json', of: 'selvage', commands: HOST_OR_LEAVE, placeholder: 'HOW', check: is.oneOf('off', 'report', 'opts', 'daemon-json') },
  { name: 'docker-host', type: 'string', default: 'unix:///var/run/docker.sock', help: "the engine's socket: unix:///PATH or tcp://HOST:PORT", of: 'selvage', commands: HOST, placeholder: 'URL', check: is.dockerHost },
  { name: 'docker-bridge', type: 'string', default: 'docker0', help: "Docker's default bridge", of: 'selvage', commands: HOST, placeholder: 'NAME', check: is.nonEmpty('the name of a bridge, such as docker0') },
  { name: 'docker-daemon-json', type: 'string', default: '/etc/docker/daemon.json', help: "Docker's configuration file", of: 'selvage', commands: HOST_OR_LEAVE, placeholder: 'FILE', check: is.file },
  { name: 'docker-opts-file', type: 'string', default: '/run/flannel/docker_opts.env', help: "file with Docker's options, as mk-docker-opts.sh writes it", of: 'selvage', commands: HOST_OR_LEAVE, placeholder: 'FILE', check: is.file },
  { name: 'docker-opts-key', type: 'string', default: 'DOCKER_OPTS', help: 'variable that has all of them together (-k of mk-docker-opts.sh)', of: 'selvage', commands: HOST, placeholder: 'NAME', check: is.variable },
  { name: 'docker-opts-combined', type: 'bool', default: 'false', help: 'write that variable only (-c of mk-docker-opts.sh)', of: 'selvage', commands: HOST },
  { name: 'docker-restart', type: 'string', default: 'never', help: 'when Docker is restarted to take over another subnet: never, idle (no container runs, or live-restore is on) or always', of: 'selvage', commands: RUN, placeholder: 'WHEN', check: is.oneOf('never', 'idle', 'always') },
  { name: 'docker-restart-command', type: 'string', default: 'systemctl restart docker', help: 'shell command that restarts Docker', of: 'selvage', commands: RUN, placeholder: 'COMMAND', check: is.nonEmpty('a command, such as "systemctl restart docker"') },
  { name: 'docker-restart-window', type: 'string', default: '', help: 'cron expression of when a maintenance window begins, outside of which Docker is not restarted (default: at any time)', of: 'selvage', commands: RUN, placeholder: 'CRON' },
  { name: 'docker-restart-window-duration', type: 'duration', default: '1h', help: 'how long that window is open', of: 'selvage', commands: RUN, placeholder: 'DURATION', check: is.positive },
  { name: 'docker-restart-holdoff', type: 'duration', default: '5m', help: 'time in which Docker is not restarted twice for the same subnet', of: 'selvage', commands: RUN, placeholder: 'DURATION', check: is.positive },
  { name: 'http', type: 'string', default: '', help: 'serve the status page, metrics and reports at this address and port, such as 127.0.0.1:9472; nothing asks for a password there', of: 'selvage', commands: RUN, placeholder: 'ADDR:PORT', check: is.httpAddress },
  { name: 'fleet', type: 'bool', default: 'false', help: 'tell the others how this host is, for selvage fleet: a small value in etcd under PREFIX/selvage, written when it changes', of: 'selvage', commands: RUN },
  { name: 'wrong', type: 'bool', default: 'false', help: 'only hosts with something wrong', of: 'selvage', commands: FLEET, noEnv: true },
  { name: 'metrics-file', type: 'string', default: '', help: "write metrics of the run to this file, such as /var/lib/prometheus/node-exporter/selvage.prom, for node_exporter's textfile collector (--once, drift)", of: 'selvage', commands: REPORT, placeholder: 'FILE' },
  { name: 'control-socket', type: 'string', default: '', help: 'socket at which the daemon answers selvage status (default: /run/selvage/control.sock, of another --etcd-prefix control-PREFIX.sock, and beside the subnet file if that is not under /run); none: it answers nobody', of: 'selvage', commands: CONTROL, placeholder: 'FILE' },
  { name: 'watch', type: 'bool', default: 'false', help: 'show the status anew each second', of: 'selvage', commands: STATUS, noEnv: true },
  { name: 'log-level', type: 'string', default: 'info', help: 'least severe log lines shown: trace, debug, info, warn or error', of: 'selvage', commands: ETCD, placeholder: 'LEVEL', check: is.oneOf('trace', 'debug', 'info', 'warn', 'error') },
  { name: 'log-format', type: 'string', default: 'auto', help: 'form of the log: text, json, or auto: text on a terminal and in the journal (there with priorities), else json', of: 'selvage', commands: ETCD, placeholder: 'FORM', check: is.oneOf('auto', 'text', 'json') },
  // flannel's, without effect here yet
  { name: 'public-ipv6', type: 'string', default: '', help: 'IPv6 address that other hosts reach this one by', of: 'flannel', commands: NOTHING, placeholder: 'IP', noEffect: true },
  { name: 'iface-can-reach', type: 'string', default: '', help: 'external interface by an address that it reaches', of: 'flannel', commands: NOTHING, placeholder: 'IP', noEffect: true },
  { name: 'ip-blackhole-route', type: 'bool', default: 'false', help: 'blackhole route for the own subnet', of: 'flannel', commands: NOTHING, noEffect: true },
  { name: 'kube-subnet-mgr', type: 'bool', default: 'false', help: 'refused if true: selvage reads etcd only', of: 'flannel', commands: NOTHING, noEffect: true },
  { name: 'kube-api-url', type: 'string', default: '', help: 'Kubernetes API server', of: 'flannel', commands: NOTHING, placeholder: 'URL', noEffect: true },
  { name: 'kube-annotation-prefix', type: 'string', default: 'flannel.alpha.coreos.com', help: 'Kubernetes annotation prefix', of: 'flannel', commands: NOTHING, placeholder: 'TEXT', noEffect: true },
  { name: 'kubeconfig-file', type: 'string', default: '', help: 'kubeconfig file', of: 'flannel', commands: NOTHING, placeholder: 'FILE', noEffect: true },
  { name: 'net-config-path', type: 'string', default: '/etc/kube-flannel/net-conf.json', help: 'network config file of the Kubernetes mode', of: 'flannel', commands: NOTHING, placeholder: 'FILE', noEffect: true },
  { name: 'set-node-network-unavailable', type: 'bool', default: 'true', help: 'set the node condition in Kubernetes', of: 'flannel', commands: NOTHING, noEffect: true },
  { name: 'vmodule', type: 'string', default: '', help: 'log verbosity by source file', of: 'flannel', commands: NOTHING, placeholder: 'LIST', noEffect: true },
  { name: 'log_backtrace_at', type: 'string', default: '', help: 'backtrace at a source line', of: 'flannel', commands: NOTHING, placeholder: 'FILE:LINE', noEffect: true },
] as const satisfies readonly Flag[];

type Row = (typeof ROWS)[number];
export type FlagName = Row['name'];

type ByType = { string: string; bool: boolean; int: number; duration: number; list: string[] };

/** Every flag's value: as checked, else as read by type. Durations are in milliseconds. */
export type FlagValues = {
  [R in Row as R['name']]: R extends { check: infer C extends z.ZodType } ? z.output<C> : ByType[R['type']];
};

export type NamedFlag = Flag & { name: FlagName };

/** The table, in the order of help and docs. */
export const FLAGS: readonly NamedFlag[] = ROWS;

const BY_NAME: ReadonlyMap<string, NamedFlag> = new Map(FLAGS.map((flag) => [flag.name, flag]));

export const flagNamed = (name: string): NamedFlag | undefined => BY_NAME.get(name);

/** SELVAGE_ETCD_PREFIX, then FLANNELD_ETCD_PREFIX. */
export function envNames(flag: Flag): string[] {
  const name = flag.name.toUpperCase().replaceAll('-', '_');
  return flag.noEnv ? [] : [`SELVAGE_${name}`, `FLANNELD_${name}`, `FLANNEL_${name}`];
}
