/** Owns the completions of bash and zsh: commands, flags, and the values of flags that have a list of them. */
import { COMMANDS, FLAGS, type NamedFlag } from '../../config/flags.ts';

/** undefined: any. */
function valuesOf({ type, check }: NamedFlag): string[] | undefined {
  if (type === 'bool') return ['true', 'false'];
  if (!check || !('options' in check)) return undefined;
  return (check.options as readonly string[]).filter((value) => value !== '');
}

const takesFile = ({ placeholder }: NamedFlag): boolean => placeholder === 'FILE';
const byValue = FLAGS.filter((flag) => flag.type !== 'bool' && valuesOf(flag) !== undefined);
const files = FLAGS.filter(takesFile);
const others = FLAGS.filter((flag) => flag.type !== 'bool' && !takesFile(flag) && valuesOf(flag) === undefined);
const patterns = (flags: readonly NamedFlag[]): string => flags.map(({ name }) => `--${name}`).join('|');

export const bashCompletion = (): string => `# Made by docs/generate-installed.ts from config/flags.ts; edit that.
_selvage() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  # bash splits at "=", so that a value may stand behind it or in the next word.
  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  case $previous in
${byValue.map((flag) => `    --${flag.name}) COMPREPLY=($(compgen -W '${valuesOf(flag)!.join(' ')}' -- "$current")); return ;;`).join('\n')}
    ${patterns(files)}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${patterns(others)}) COMPREPLY=(); return ;;
    check-config) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W '${FLAGS.map(({ name }) => `--${name}`).join(' ')}' -- "$current"))
  else
    COMPREPLY=($(compgen -W '${COMMANDS.join(' ')}' -- "$current"))
  fi
}
complete -F _selvage selvage
`;

export const zshCompletion = (): string => `#compdef selvage
# Made by docs/generate-installed.ts from config/flags.ts; edit that.
_arguments \\
${FLAGS.map((flag) => `  ${quote(specification(flag))} \\`).join('\n')}
  '1:command:(${COMMANDS.join(' ')})' \\
  '*:file:_files'
`;

/** --name=-[what it is]:PLACEHOLDER:(values) */
function specification(flag: NamedFlag): string {
  const repeated = flag.type === 'list' ? '*' : '';
  const what = flag.help.replace(/[[\]:\\]/g, '\\$&');
  if (flag.type === 'bool') return `${repeated}--${flag.name}[${what}]`;
  const values = valuesOf(flag);
  const action = takesFile(flag) ? '_files' : values ? `(${values.join(' ')})` : ' ';
  return `${repeated}--${flag.name}=[${what}]:${flag.placeholder ?? 'value'}:${action}`;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
