/** Owns /etc/default/selvage: every variable, commented, with its default. */
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

const entry = (flag: NamedFlag): string => `\n# ${flag.help}\n#${envNames(flag)[0]}=${quoted(flag.default)}\n`;

/** A "#" or a space would end it, a "*" is harmless. */
const quoted = (value: string): string => (/[\s#"']/.test(value) ? `"${value}"` : value);
