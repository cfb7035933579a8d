/** Owns what is said of the command line: `selvage --help` and the page docs/flags.md, both made from the table in flags.ts. */

import { FLAGS, type Flag, type NamedFlag } from './flags.ts';

export const USAGE = [
  ['selvage [run]', 'the daemon: keeps this host as etcd says'],
  ['selvage --once', 'one repair run: looks, repairs, verifies, reports'],
  ['selvage drift', 'reports what a repair run would do; writes nothing'],
  ['selvage leases', 'the network as etcd has it, and what is wrong with it'],
  ['selvage fleet [--wrong]', 'every host of the network: in sync, or what not'],
  [
    'selvage doctor [--probe]',
    'what keeps containers from reaching each other, and the cure; with --probe by real packets',
  ],
  ['selvage migrate --from v2 --to v3', "copies the network from one of etcd's APIs to the other; with --apply"],
  ['selvage leave', 'takes everything of ours off this host; with --hand-back leaves it to flanneld, in force'],
  ['selvage status [--watch]', 'what the running daemon is doing'],
  ['selvage check-config [FILE|-]', 'reads a network config as flannel would and prints what comes of it'],
  ['selvage docker-opts [-fdicmk …]', "writes Docker's options as mk-docker-opts.sh does, with its flags"],
  ['selvage --version', 'prints the version'],
  ['selvage --help', 'prints this'],
] as const;

export const EXITS = [
  ['0', 'in sync; after --once: converged and verified'],
  ['1', 'not converged, or failed'],
  ['2', 'drift found (drift), or something wrong (doctor; fleet: with a host)'],
  ['64', 'bad usage'],
  ['69', 'etcd cannot be reached; of selvage status: no daemon runs'],
  ['77', 'not permitted; the message says what is missing'],
  ['78', 'the configuration is invalid'],
] as const;

export interface Group {
  title: string;
  flags: readonly NamedFlag[];
}

export const GROUPS: readonly Group[] = [
  { title: "Flags of flanneld's", flags: FLAGS.filter((flag) => flag.of === 'flannel' && !flag.noEffect) },
  { title: "Flags of selvage's own", flags: FLAGS.filter((flag) => flag.of === 'selvage') },
  {
    title: "Flags of flanneld's that are accepted and have no effect yet",
    flags: FLAGS.filter((flag) => flag.noEffect),
  },
];

/** What `selvage --help` prints, with a line end. */
export function helpText(): string {
  const lines = ["Keeps this host's part of a flannel network as etcd says.", '', 'Usage:', ...columns(USAGE), ''];
  for (const { title, flags } of GROUPS) {
    lines.push(`${title}:`, ...columns(flags.map((flag) => [synopsis(flag), helpLine(flag)])), '');
  }
  lines.push(
    'One dash or two; a flag that is on or off takes a value only after "=". Flags may stand before or after the command.',
    'A flag that is not given is read from the environment, if not empty there: SELVAGE_ETCD_PREFIX, then FLANNELD_ETCD_PREFIX, then FLANNEL_ETCD_PREFIX.',
    '',
    'Exit codes:',
    ...columns(EXITS),
  );
  return `${lines.join('\n')}\n`;
}

export const synopsis = (flag: Flag): string => `--${flag.name}${flag.placeholder ? ` ${flag.placeholder}` : ''}`;

function helpLine(flag: Flag): string {
  const shown = flag.default !== '' && flag.default !== 'false' && !flag.noEffect;
  return shown ? `${flag.help} (${flag.default})` : flag.help;
}

/** Two columns; what is too wide for the left one stands on a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const wide = 34;
  return rows.flatMap(([left, right]) =>
    left.length > wide ? [`  ${left}`, `  ${''.padEnd(wide)}  ${right}`] : [`  ${left.padEnd(wide)}  ${right}`],
  );
}

/** The text of docs/flags.md. */
export function flagsPage(): string {
  const lines = [
    '# Flags',
    '',
    '<!-- Made by docs/generate-flags.ts from config/flags.ts; edit that. -->',
    '',
    'Flags are written with one dash or two, as `--flag=value` or `--flag value`; a flag that is on or off takes a value only after `=`',
    '(`--ip-masq`, `--ip-masq=false`). They may stand before or after the command; `--` ends them.',
    '',
    'A flag that is not on the command line is read from the environment, if not empty there: `SELVAGE_` and its name in upper case with',
    '`_` for `-`, then `FLANNELD_`, then `FLANNEL_` likewise (`SELVAGE_ETCD_PREFIX`, `FLANNELD_ETCD_PREFIX`). A value that cannot be used is an error, exit',
    'code 64, that names the flag or the variable.',
  ];
  for (const { title, flags } of GROUPS) {
    lines.push('', `## ${title}`, '', '| flag | default | for | what it is |', '|---|---|---|---|');
    for (const flag of flags) {
      const cells = [
        `\`${synopsis(flag)}\`${flag.type === 'list' ? ' (may be repeated)' : ''}`,
        flag.default === '' ? '' : `\`${flag.default}\``,
        flag.commands.join(', '),
        flag.help + (flag.noEnv ? '; not read from the environment' : ''),
      ];
      lines.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
    }
  }
  lines.push('', '## Exit codes', '', '| code | means |', '|---|---|');
  for (const [code, means] of EXITS) lines.push(`| ${code} | ${means} |`);
  return `${lines.join('\n')}\n`;
}
