/** Owns /etc/default/selvage: every variable with its default, commented, but for the few that an installed service has set. */
import { envNames, FLAGS, type NamedFlag } from '../../config/flags.ts';

const HEAD = `# Variables for selvage.service and selvage-once.service, lines of NAME=VALUE (systemd.exec(5), EnvironmentFile=).
# All of them with their defaults: take the "#" away and change the value. selvage-config(5) says more.
# After a change: systemctl restart selvage, which loses no packet.
`;

export const defaults = (): string =>
  HEAD +
  FLAGS.filter((flag) => envNames(flag).length > 0 && !flag.noEffect && flag.name !== 'once' && flag.name !== 'format')
    .map(entry)
    .join('');

/** What an installed service has beside the defaults. */
const INSTALLED: Readonly<Record<string, string>> = { http: '127.0.0.1:9472' };

function entry(flag: NamedFlag): string {
  const value = INSTALLED[flag.name];
  const line = `${envNames(flag)[0]}=${quoted(value ?? flag.default)}`;
  return `\n# ${flag.help}\n${value === undefined ? '#' : ''}${line}\n`;
}

/** A "#" or a space would end it, a "*" is harmless. */
const quoted = (value: string): string => (/[\s#"']/.test(value) ? `"${value}"` : value);
