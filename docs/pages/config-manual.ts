/** Owns selvage-config(5): what can be put where, beside the command line. The variables are those of config/flags.ts. */
import { envNames, FLAGS } from '../../config/flags.ts';
import { example, item, page, paragraph, section, title } from './roff.ts';

/** flannel's, as config/network.ts and config/backend-config.ts read them. */
const NETWORK: [key: string, what: string][] = [
  ['Network', 'the range that all hosts share, such as "10.5.0.0/16".'],
  ['SubnetLen', "length of each host's subnet; 24, or what leaves room for four of them in a smaller Network."],
  ['SubnetMin, SubnetMax', 'the first and the last subnet that is given away.'],
  ['Backend.Type', 'vxlan, host-gw, or another of flannel. Without a Backend it is udp, in every version of flannel.'],
  ['Backend.VNI, Backend.Port', 'of vxlan: network identifier (1) and UDP port (8472).'],
  ['Backend.DirectRouting', 'of vxlan: true routes directly to hosts on the same link.'],
  ['Backend.MTU', "of vxlan: the external interface's where it is left out."],
  ['EnableIPv6, IPv6Network', 'the same for IPv6, with IPv6SubnetLen, IPv6SubnetMin and IPv6SubnetMax.'],
];

export const configManual = (): string =>
  page(
    '.\\" Made by docs/generate-installed.ts from config/; edit that.',
    title('selvage-config', 5, 'File formats'),
    section('Name'),
    'selvage\\-config \\- the network config in etcd, and variables in /etc/default/selvage',
    section('The network'),
    paragraph(
      'A flannel network is described by one JSON object in etcd, at /coreos.com/network/config or under the key that --etcd-prefix names. selvage reads what flannel reads and derives the same values; selvage check-config says what, before it is put:',
    ),
    example(`etcdctl put /coreos.com/network/config '{"Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"}}'`),
    ...NETWORK.map(([key, what]) => item(key, what)),
    section('Variables'),
    paragraph(
      'The units read /etc/default/selvage, lines of NAME=VALUE as systemd.exec(5) has them. A flag on the command line goes before its variable; FLANNELD_ in place of SELVAGE_ is read too, after it. An unknown name that begins with SELVAGE_ is told in the log and has no effect.',
    ),
    ...FLAGS.filter((flag) => envNames(flag).length > 0 && !flag.noEffect).map((flag) =>
      item(`${envNames(flag)[0]}=${flag.default}`, `${flag.help}.`),
    ),
    section('See also'),
    '.BR selvage (8),\n.BR systemd.exec (5)',
  );
