/**
 * Owns the file that is subnet.env and Docker's options in one: public unit files let mk-docker-opts.sh write over subnet.env
 * (`-d /run/flannel/subnet.env`), and Docker's unit reads its options there.
 *
 * - Both sets of lines stay. Docker's keep their form, their names and any option of somebody's; the bridge's address, the MTU and who
 *   masquerades follow the lease.
 */
import { readEnvText } from './subnet-env.ts';

/** A line that mk-docker-opts.sh writes: one option in a variable of its own, or all of them in one. */
const OPTION = /^(?:\w*DOCKER_OPT_\w*="[^\n]*"|\w+="[^\n]*--(?:bip|mtu|ip-masq)=[^\n]*")$/;

const isOption = (line: string): boolean => OPTION.test(line) && !line.startsWith('FLANNEL_');

export const hasDockerOptions = (text: string): boolean => text.split('\n').some(isOption);

/** What is in it beside Docker's options. */
export const withoutDockerOptions = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !isOption(line))
    .join('\n');

/** `subnetEnv`, a whole subnet.env, with the lines of Docker's options that `text` has; without any it is `subnetEnv` itself. */
export function withDockerOptions(subnetEnv: string, text: string): string {
  const lines = new Map(
    text
      .split('\n')
      .filter(isOption)
      .map((line) => [line.slice(0, line.indexOf('=')), line]),
  );
  if (lines.size === 0) return subnetEnv;
  const values = readEnvText(subnetEnv);
  const options = {
    bip: values.get('FLANNEL_SUBNET'),
    mtu: values.get('FLANNEL_MTU'),
    // Who masquerades is flannel or Docker, never both.
    'ip-masq': values.get('FLANNEL_IPMASQ') === 'true' ? 'false' : 'true',
  };
  const follow = (line: string): string =>
    Object.entries(options).reduce(
      (text, [name, value]) =>
        value === undefined ? text : text.replace(new RegExp(`--${name}=[^\\s"]*`, 'g'), `--${name}=${value}`),
      line,
    );
  return `${subnetEnv}${[...lines.values()].map((line) => `${follow(line)}\n`).join('')}`;
}
