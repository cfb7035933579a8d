/**
 * Owns the one table of commands that are run beside Node's own, and of the Debian packages that have them. A new tool is a new row.
 *
 * - `packages` are names in the order in which they are tried, because distributions differ: Debian 12 and 13, Ubuntu 22.04 and 24.04.
 * - `for` says what needs it: beginnings of paths under test/. The demo, the benchmarks and the build's warm-up need what "lab" needs.
 */
import { isCommand } from './script.mjs';

const TOOLS = [
  { command: 'etcd', packages: ['etcd-server'], for: ['lab', 'system'] },
  { command: 'etcdctl', packages: ['etcd-client'], for: ['lab', 'system'] },
  { command: 'ip', packages: ['iproute2'], for: ['lab', 'system'] },
  { command: 'bridge', packages: ['iproute2'], for: ['lab', 'system'] },
  { command: 'iperf3', packages: ['iperf3'], for: ['bench'] },
  { command: 'ping', packages: ['iputils-ping'], for: ['lab', 'system'] },
  { command: 'sysctl', packages: ['procps'], for: ['lab', 'system'] },
  { command: 'nsenter', packages: ['util-linux'], for: ['lab', 'system'] },
  { command: 'unshare', packages: ['util-linux'], for: ['lab', 'system'] },
  { command: 'setpriv', packages: ['util-linux'], for: ['lab', 'system'] },
  { command: 'debootstrap', packages: ['debootstrap'], for: ['system', 'fresh'] },
  { command: 'git', packages: ['git'], for: ['fresh'] },
  { command: 'promtool', packages: ['prometheus'], for: ['unit/drivers/metrics', 'unit/packaging/prometheus'] },
  { command: 'chromium', packages: ['chromium', 'chromium-browser'], for: ['unit/drivers/http/page'] },
  { command: 'curl', packages: ['curl'], for: ['lab/'] },
  { command: 'dpkg-deb', packages: ['dpkg'], for: ['lab/packaging/'] },
  { command: 'openssl', packages: ['openssl'], for: ['lab/', 'unit/drivers/etcd'] },
  { command: 'dockerd', packages: ['docker.io'], for: ['lab/docker/'] },
  // In docker.io itself up to Debian 12 and Ubuntu 24.04.
  { command: 'docker', packages: ['docker-cli', 'docker.io'], for: ['lab/docker/'] },
  { command: 'containerd', packages: ['containerd'], for: ['lab/docker/'] },
  { command: 'runc', packages: ['runc'], for: ['lab/docker/'] },
  { command: 'iptables', packages: ['iptables'], for: ['lab/'] },
  { command: 'nft', packages: ['nftables'], for: ['lab/'] },
  { command: 'busybox', packages: ['busybox-static', 'busybox'], for: ['lab/docker/'] },
];

/** The services that a package would start on this host, were it not for the set-up. */
export const SERVICES = {
  'etcd-server': ['etcd.service'],
  'docker.io': ['docker.socket', 'docker.service'],
  containerd: ['containerd.service'],
  prometheus: ['prometheus.service', 'prometheus-node-exporter.service'],
};

/** The rows that `uses` need and this machine has not: "lab", or paths under test/. */
export const missingTools = (uses) =>
  TOOLS.filter((tool) => uses.some((use) => tool.for.some((begin) => use.startsWith(begin)))).filter(
    ({ command }) => !isCommand(command),
  );
