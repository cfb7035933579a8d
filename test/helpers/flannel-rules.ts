/** Owns flannel's own rules in their five forms, as text (docs/reference/firewall.md#what-flannel-makes): N = 10.5.0.0/16, S = 10.5.1.0/24 unless told. */

export interface Form {
  name: string;
  tool: 'iptables' | 'nft';
  text: string;
}

const comment = (text: string): string => `-m comment --comment "${text}" `;

function bare(N: string, S: string, masq: string, forward: string): string {
  return `*nat
-A POSTROUTING -s ${N} -d ${N} ${masq}-j RETURN
-A POSTROUTING -s ${N} ! -d 224.0.0.0/4 ${masq}-j MASQUERADE --random-fully
-A POSTROUTING ! -s ${N} -d ${S} ${masq}-j RETURN
-A POSTROUTING ! -s ${N} -d ${N} ${masq}-j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -s ${N} ${forward}-j ACCEPT
-A FORWARD -d ${N} ${forward}-j ACCEPT
COMMIT
`;
}

function chains(N: string, S: string, mark: boolean): string {
  const [m, f] = [comment('flanneld masq'), comment('flanneld forward')];
  return `*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING ${m}-j FLANNEL-POSTRTG
${mark ? `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${m}-j RETURN\n` : ''}-A FLANNEL-POSTRTG -s ${S} -d ${N} ${m}-j RETURN
-A FLANNEL-POSTRTG -s ${N} -d ${S} ${m}-j RETURN
-A FLANNEL-POSTRTG ! -s ${N} -d ${S} ${m}-j RETURN
-A FLANNEL-POSTRTG -s ${N} ! -d 224.0.0.0/4 ${m}-j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s ${N} -d ${N} ${m}-j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD ${f}-j FLANNEL-FWD
-A FLANNEL-FWD -s ${N} ${f}-j ACCEPT
-A FLANNEL-FWD -d ${N} ${f}-j ACCEPT
COMMIT
`;
}

const tables = (N: string, S: string): string => `table ip flannel-ipv4 {
  comment "rules for flannel-ipv4"
  chain postrtg { type nat hook postrouting priority srcnat; policy accept; comment "chain to manage traffic masquerading by flannel"
    meta mark 0x00004000 return
    ip saddr ${S} ip daddr ${N} return
    ip saddr ${N} ip daddr ${S} return
    ip saddr != ${S} ip daddr ${N} return
    ip saddr ${N} ip daddr != 224.0.0.0/4 masquerade fully-random
    ip saddr != ${N} ip daddr ${N} masquerade fully-random
  }
  chain forward { type filter hook forward priority filter; policy accept; comment "chain to accept flannel traffic"
    ip saddr ${N} accept
    ip daddr ${N} accept
  }
}
table ip6 flannel-ipv6 {
  comment "rules for flannel-ipv6"
  chain postrtg { type nat hook postrouting priority srcnat; policy accept;
    meta mark 0x00004000 return
  }
  chain forward { type filter hook forward priority filter; policy accept; }
}
`;

/** All five, for a network and a subnet of it. */
export const flannelForms = (N = '10.5.0.0/16', S = '10.5.1.0/24'): Form[] => [
  { name: 'v0.11, bare', tool: 'iptables', text: bare(N, S, '', '') },
  {
    name: 'v0.16, commented',
    tool: 'iptables',
    text: bare(N, S, comment('flanneld masq'), comment('flanneld forward')),
  },
  { name: 'v0.20, in chains', tool: 'iptables', text: chains(N, S, false) },
  { name: 'v0.22, with the mark', tool: 'iptables', text: chains(N, S, true) },
  { name: 'v0.25, nftables', tool: 'nft', text: tables(N, S) },
];
