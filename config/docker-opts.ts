/**
 * Owns the text of Docker's options file and the command line that asks for it: to the byte what flannel's mk-docker-opts.sh (v0.28, run
 * by dash) makes of the same variables (docs/reference/flannel.md#options-for-docker).
 *
 * - Its shell's variables are the environment, overlaid by subnet.env. Every variable with DOCKER_OPT_ in its name is an option.
 * - Where the script breaks (an option with a space comes out as garbage), the option is kept whole instead.
 */
import { byText } from './by-text.ts';

/** Variables by name; what a POSIX shell can't have as one is overlooked. */
export type Variables = Readonly<Record<string, string | undefined>>;

interface OptsForm {
  /** One variable an option. */
  individual: boolean;
  /** All options in the variable `key`. */
  combined: boolean;
  key: string;
  /** Whether --ip-masq is one of them. */
  ipMasq: boolean;
}

export interface OptsCommand extends OptsForm {
  flannelEnv: string;
  dockerEnv: string;
}

const DEFAULT_OPTS_KEY = 'DOCKER_OPTS';

/** The script's own usage text. */
export const OPTS_USAGE = `selvage docker-opts [-f FLANNEL-ENV-FILE] [-d DOCKER-ENV-FILE] [-i] [-c] [-m] [-k COMBINED-KEY]

Generate Docker daemon options based on flannel env file
OPTIONS:
\t-f\tPath to flannel env file. Defaults to /run/flannel/subnet.env
\t-d\tPath to Docker env file to write to. Defaults to /run/docker_opts.env
\t-i\tOutput each Docker option as individual var. e.g. DOCKER_OPT_MTU=1500
\t-c\tOutput combined Docker options into DOCKER_OPTS var
\t-k\tSet the combined options key to this value (default DOCKER_OPTS=)
\t-m\tDo not output --ip-masq (useful for older Docker version)
`;

/** As the shell's getopts: letters may stand together, a value behind its letter or in the next word, and the first other word ends it. */
export function parseOptsCommand(argv: readonly string[]): OptsCommand | 'usage' {
  const command: OptsCommand = {
    flannelEnv: '/run/flannel/subnet.env',
    dockerEnv: '/run/docker_opts.env',
    individual: false,
    combined: false,
    key: DEFAULT_OPTS_KEY,
    ipMasq: true,
  };
  const withValue = { f: 'flannelEnv', d: 'dockerEnv', k: 'key' } as const;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (!word.startsWith('-') || word === '-' || word === '--') break;
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      if (letter === 'i') command.individual = true;
      else if (letter === 'c') command.combined = true;
      else if (letter === 'm') command.ipMasq = false;
      else if (letter === 'f' || letter === 'd' || letter === 'k') {
        const value = word.slice(i + 1) || argv[++at];
        if (value === undefined) return 'usage';
        command[withValue[letter]] = value;
        break;
      } else return 'usage';
    }
  }
  if (!command.individual && !command.combined) command.individual = command.combined = true;
  return command;
}

/** A sentence for a person; the script's own. */
export class OptsError extends Error {}

const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The options by variable, in the order of the file. @throws OptsError if FLANNEL_IPMASQ is neither true nor false */
function dockerOptions(variables: Variables, ipMasq: boolean): Map<string, string> {
  const { FLANNEL_SUBNET: bip, FLANNEL_MTU: mtu, FLANNEL_IPMASQ: masq } = variables;
  const options: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined && name.includes('DOCKER_OPT_') && SHELL_NAME.test(name)) options[name] = value;
  }
  if (bip) options.DOCKER_OPT_BIP = `--bip=${bip}`;
  if (mtu) options.DOCKER_OPT_MTU = `--mtu=${mtu}`;
  if (masq && ipMasq) {
    if (masq !== 'true' && masq !== 'false') throw new OptsError(`Invalid value of FLANNEL_IPMASQ: ${masq}`);
    // Who masquerades: flannel or Docker, never both.
    options.DOCKER_OPT_IPMASQ = `--ip-masq=${masq === 'false'}`;
  }
  return new Map(Object.entries(options).sort(([a], [b]) => byText(a, b)));
}

/** The file's whole text. What `key` holds already stays in front. @throws OptsError */
export function formatDockerOpts(variables: Variables, form: OptsForm): string {
  const options = dockerOptions(variables, form.ipMasq);
  const before = variables[form.key];
  let combined = before ? `${before} ` : '';
  let text = '';
  for (const [name, value] of options) {
    if (form.individual) text += `${name}="${value}"\n`;
    combined += ` ${value}`;
  }
  return form.combined ? `${text}${form.key}="${combined}"\n` : text;
}
