/** Owns selvage(8): the command line, from the same table as `selvage --help` and docs/flags.md. */
import { envNames, type NamedFlag } from '../../config/flags.ts';
import { EXITS, GROUPS, synopsis, USAGE } from '../../config/help.ts';
import { example, item, page, paragraph, section, title } from './roff.ts';

export const manual = (): string =>
  page(
    MADE,
    title('selvage', 8, 'System administration'),
    section('Name'),
    "selvage \\- keeps this host's part of a flannel network as etcd says",
    section('Synopsis'),
    ...USAGE.map(([usage, what]) => item(usage, `${what}.`)),
    section('Description'),
    paragraph(
      'selvage watches etcd, where a flannel network keeps its config and the lease of every host, and this host: its links, addresses, routes, neighbours, forwarding entries, subnet.env and Docker. It makes the smallest set of changes that brings the one in line with the other, reads them back, and removes what is stale. What belongs to somebody else is never overwritten: it is held, with a sentence that says what to do.',
    ),
    paragraph(
      'Hosts that run it and hosts that run flanneld form one network. Its flags and variables are those of flanneld, so that in a unit file of flanneld one word is changed.',
    ),
    section('Options'),
    paragraph(
      'One dash or two; a flag that is on or off takes a value only after "=". Flags may stand before or after the command. A flag that is not given is read from the environment, if not empty there: SELVAGE_ and its name in upper case with "_" for "-", then FLANNELD_ likewise. The units read /etc/default/selvage.',
    ),
    ...GROUPS.flatMap(({ title, flags }) => [`.SS ${title}`, ...flags.map(option)]),
    section('Exit status'),
    ...EXITS.map(([code, means]) => item(code, `${means}.`)),
    section('Files'),
    item('/etc/default/selvage', 'variables for the units.'),
    item('/run/flannel/subnet.env', "this host's subnet and MTU, to the byte as flanneld writes it."),
    item('/var/lib/selvage/desired.json', 'the last good copy of what etcd says, for when it cannot be reached.'),
    section('Examples'),
    paragraph('What would a repair run do here?'),
    example('selvage drift'),
    paragraph('The daemon, by systemd, and how it is:'),
    example('systemctl enable --now selvage\nsystemctl status selvage\njournalctl -u selvage'),
    section('See also'),
    '.BR selvage\\-config (5),\n.BR ip (8),\n.BR bridge (8)',
  );

const MADE = '.\\" Made by docs/generate-installed.ts from config/; edit that.';

const option = (flag: NamedFlag): string => item(synopsis(flag), `${flag.help}${initial(flag)}.${variables(flag)}`);

const initial = ({ default: value }: NamedFlag): string =>
  value === '' || value === 'false' ? '' : ` (default: ${value})`;

const variables = (flag: NamedFlag): string => {
  const [own] = envNames(flag);
  return own === undefined || flag.noEffect ? '' : ` [${own}]`;
};
