/**
 * Owns the rules that Docker makes for one bridge with one container, version by version, as text for iptables-restore and nft
 * (moby's iptabler/*.go and nftabler/*.go; docs/reference/firewall.md#dockers-rules). docker0 has 10.5.1.0/24, the container 10.5.1.2.
 */

export type DockerShape = 'none' | 'docker20' | 'docker28' | 'docker28-direct' | 'docker29-nft' | 'docker29-nft-open';

const nat = `*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A POSTROUTING -s 10.5.1.0/24 ! -o docker0 -j MASQUERADE
COMMIT
`;

const docker20 = `*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
${nat}`;

const docker28 = (raw: string): string => `*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-INTERNAL - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-INTERNAL
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
${raw}COMMIT
${nat}`;

const docker29 = (mark: string, raw: string): string => `table ip docker-bridges {
  chain filter-FORWARD { type filter hook forward priority filter; policy accept;
    oifname "docker0" jump filter-forward-in__docker0
    iifname "docker0" jump filter-forward-out__docker0
  }
  chain filter-forward-in__docker0 {
    ct state established,related counter accept
    ${mark}
    iifname "docker0" counter accept
    counter drop comment "UNPUBLISHED PORT DROP"
  }
  chain filter-forward-out__docker0 {
    ct state established,related counter accept
    counter accept
  }
  chain nat-POSTROUTING { type nat hook postrouting priority srcnat; policy accept;
    oifname != "docker0" ip saddr 10.5.1.0/24 counter masquerade
  }
  chain raw-PREROUTING { type filter hook prerouting priority raw; policy accept;
    ${raw}
  }
}
`;

/** Text for iptables-restore; undefined for a shape that iptables has no part in. */
export const IPTABLES: Partial<Record<DockerShape, string>> = {
  docker20,
  docker28: docker28('-A PREROUTING -d 10.5.1.2/32 ! -i docker0 -j DROP\n'),
  'docker28-direct': docker28(''),
};

/** Text for nft. */
export const NFT: Partial<Record<DockerShape, string>> = {
  'docker29-nft': docker29('', 'ip daddr 10.5.1.2 iifname != { "docker0" } counter drop'),
  'docker29-nft-open': docker29('meta mark & 0x000000ff == 0x00000073 counter accept', ''),
};
