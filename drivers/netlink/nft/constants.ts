/** Numbers of linux/netfilter/nfnetlink.h, nf_tables.h and linux/netfilter.h, by the kernel's own names. */

/** A new rule goes behind all others; without it, before them. */
export const NLM_F_APPEND = 0x800;

export const NETLINK_NETFILTER = 12;
export const NFNLGRP_NFTABLES = 7;
export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
export const NFNL_BATCH_GENID = 1;

export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;

const message = (n: number): number => (NFNL_SUBSYS_NFTABLES << 8) | n;
export const NFT_MSG_NEWTABLE = message(0);
export const NFT_MSG_GETTABLE = message(1);
export const NFT_MSG_DELTABLE = message(2);
export const NFT_MSG_NEWCHAIN = message(3);
export const NFT_MSG_GETCHAIN = message(4);
export const NFT_MSG_DELCHAIN = message(5);
export const NFT_MSG_NEWRULE = message(6);
export const NFT_MSG_GETRULE = message(7);
export const NFT_MSG_DELRULE = message(8);
export const NFT_MSG_NEWSET = message(9);
export const NFT_MSG_DELSET = message(11);
export const NFT_MSG_NEWSETELEM = message(12);
export const NFT_MSG_GETSETELEM = message(13);
export const NFT_MSG_DELSETELEM = message(14);
export const NFT_MSG_NEWGEN = message(15);
export const NFT_MSG_GETGEN = message(16);

export const NFTA_LIST_ELEM = 1;

export const NFTA_TABLE_NAME = 1;
export const NFTA_TABLE_USERDATA = 6;

export const NFTA_CHAIN_TABLE = 1;
export const NFTA_CHAIN_NAME = 3;
export const NFTA_CHAIN_HOOK = 4;
export const NFTA_CHAIN_POLICY = 5;
export const NFTA_CHAIN_TYPE = 7;
export const NFTA_HOOK_HOOKNUM = 1;
export const NFTA_HOOK_PRIORITY = 2;

export const NFTA_RULE_TABLE = 1;
export const NFTA_RULE_CHAIN = 2;
export const NFTA_RULE_HANDLE = 3;
export const NFTA_RULE_EXPRESSIONS = 4;
export const NFTA_RULE_COMPAT = 5;
export const NFTA_RULE_POSITION = 6;
export const NFTA_RULE_USERDATA = 7;

export const NFTA_EXPR_NAME = 1;
export const NFTA_EXPR_DATA = 2;

export const NFTA_SET_TABLE = 1;
export const NFTA_SET_NAME = 2;
export const NFTA_SET_FLAGS = 3;
export const NFTA_SET_KEY_TYPE = 4;
export const NFTA_SET_KEY_LEN = 5;
export const NFTA_SET_ID = 10;

export const NFTA_SET_ELEM_LIST_TABLE = 1;
export const NFTA_SET_ELEM_LIST_SET = 2;
export const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
export const NFTA_SET_ELEM_KEY = 1;
export const NFTA_DATA_VALUE = 1;
export const NFTA_DATA_VERDICT = 2;
export const NFTA_VERDICT_CODE = 1;
export const NFTA_VERDICT_CHAIN = 2;

export const NFTA_GEN_ID = 1;
export const NFTA_GEN_PROC_PID = 2;
export const NFTA_GEN_PROC_NAME = 3;

export const NFT_REG_VERDICT = 0;
export const NFT_REG_1 = 1;

export const NFT_CMP_EQ = 0;
export const NFT_CMP_NEQ = 1;

export const NFT_PAYLOAD_NETWORK_HEADER = 1;
/** Offsets of the addresses in an IPv4 header (RFC 791). */
export const IPV4_SADDR = 12;
export const IPV4_DADDR = 16;

export const NFT_META_MARK = 3;
export const NFT_META_IIFNAME = 6;
export const NFT_META_OIFNAME = 7;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_JUMP = -3;
export const NFT_GOTO = -4;
export const NFT_RETURN = -5;

export const NFT_NAT_SNAT = 0;
export const NF_NAT_RANGE_MAP_IPS = 1;
export const NF_NAT_RANGE_PROTO_RANDOM_FULLY = 1 << 4;

export const IFNAMSIZ = 16;
/** Of libnftnl's user data: a rule's comment, and (another numbering) a table's. */
export const NFTNL_UDATA_RULE_COMMENT = 0;
export const NFTNL_UDATA_TABLE_COMMENT = 0;
/** nft's own number for the type of a set's key: ipv4_addr (nftables datatype.h, TYPE_IPADDR). */
export const TYPE_IPADDR = 7;

/** Hooks by number, of the families ip and inet. */
export const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
export type Hook = (typeof HOOKS)[number];
