/** Owns the package's control files: what it is called, needs and does, and its changelog as Debian wants it. */

export const MAINTAINER = `${process.env.DEBFULLNAME || 'selvage maintainers'} <${process.env.DEBEMAIL || 'maintainers@selvage.invalid'}>`;

/** `node`: the Node inside, if there is one. `kilobytes`: installed. */
export function control({ version, architecture, node, kilobytes }) {
  // koffi's binary asks for glibc 2.25 and GCC 4.9; Node's for 2.28.
  const depends = ['libc6 (>= 2.28)', 'libgcc-s1 (>= 3.0)', 'libstdc++6 (>= 5)'];
  if (!node) depends.unshift('nodejs (>= 20)');
  return `Package: selvage
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: ${depends.join(', ')}
Suggests: docker.io, etcd-server, iproute2
Section: net
Priority: optional
Description: keeps a Docker host's part of a flannel network as etcd says
 selvage watches etcd, where a flannel network keeps its config and every
 host's lease, and this host: its links, addresses, routes, ARP and FDB
 entries, subnet.env and Docker. It makes the smallest set of changes that
 brings the one in line with the other, reads them back, and removes what is
 stale. Hosts that run it and hosts that run flanneld form one network.
${node ? ` .\n This package has Node.js ${node} inside, for hosts whose distribution has none\n that is new enough.\n` : ''}`;
}

/** `date`: of the source. */
export const debianChangelog = ({ version, date }) => `selvage (${version}) unstable; urgency=medium

  * See /usr/share/doc/selvage/changelog.gz.

 -- ${MAINTAINER}  ${date.toUTCString().replace('GMT', '+0000')}
`;
