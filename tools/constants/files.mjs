// What tools/gen-constants.mjs generates: one entry a file. `only` and `except` choose names; names with a leading
// underscore and the macros that only say where an enum ends are never taken. `newer` lists what later kernels added, by the version that did.
export const files = [
  {
    file: 'wire/netlink/constants.ts',
    about: 'Netlink itself: protocols, flags, control messages, attributes of the extended acknowledgement.',
    headers: ['linux/netlink.h', 'bits/socket.h'],
    preamble: '#include <sys/socket.h>',
    only: /^(NETLINK_(ROUTE|NETFILTER|GENERIC|EXT_ACK|CAP_ACK|GET_STRICT_CHK|(ADD|DROP)_MEMBERSHIP)$|NLM|NLA_F|NL_(ATTR|POLICY)|AF_(INET6?|BRIDGE|NETLINK|MPLS|PACKET|UNSPEC)$)/,
    except: /_UNSPEC$(?<!AF_UNSPEC)|_PAD$|_UNUSED$/,
    newer: [['In C: ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER)', { NLA_TYPE_MASK: 0x3fff }]],
  },
  {
    file: 'wire/route/constants.ts',
    about:
      'rtnetlink but for the attributes of links: interface flags, addresses, routes, neighbours, rules, multicast groups.',
    headers: [
      'linux/if.h',
      'linux/if_arp.h',
      'linux/rtnetlink.h',
      'linux/if_addr.h',
      'linux/neighbour.h',
      'linux/fib_rules.h',
    ],
    only: /^(IFF_|IF_OPER|ARPHRD_(ETHER|LOOPBACK|TUNNEL|TUNNEL6|SIT|IPGRE|NONE|NETLINK)$|RTM_(NEW|DEL|GET|SET)|RTN_|RTPROT_|RT_SCOPE|RT_TABLE|RTM_F_|RTA_|RTNH_F|RTAX_|RTNLGRP_|RTEXT_|IFA_|IFAPROT|NDA_|NTF_|NUD_|FRA_|FIB_RULE|FR_ACT|RTNH_F_)/,
    except:
      /_UNSPEC$(?<!RT_TABLE_UNSPEC|RTN_UNSPEC|RTPROT_UNSPEC)|_PAD$|_BASE$|DECnet|_NOP\d|_RES\d|UNUSED|ALIGNTO|MPLS|PHONET|NDUSEROPT|ND_USEROPT|DCB|CACHEREPORT|IPMR|ADDRLABEL|RTM_GET(MULTICAST|ANYCAST)$|MROUTE|NETCONF|NOP\d|MCTP|TUNNEL|RTPROT_(GATED|RA|MRT|DNROUTED|XORP|NTK|MROUTED|EIGRP)/,
  },
  {
    file: 'wire/route/constants-link.ts',
    about: 'rtnetlink links: attributes of links, their kinds and bridge ports.',
    headers: [
      'linux/if.h',
      'linux/if_arp.h',
      'linux/if_link.h',
      'linux/if_bridge.h',
      'linux/veth.h',
      'linux/if_ether.h',
    ],
    only: /^(IFLA_|IN6_ADDR_GEN|MACVLAN_|VETH_|BR_STATE|BRIDGE_(FLAGS|MODE|VLAN_INFO)|ETH_P_(ALL|IP|IPV6|ARP|8021Q|8021AD)$)/,
    except:
      /_UNSPEC$|_PAD$|IFLA_(EVENT|XDP|TUN|MACSEC|VRF|IPVLAN|GENEVE|BAREUDP|PPP|GTP|BOND|VF|PORT|IPOIB|HSR|STATS_|OFFLOAD|RMNET|MCTP|DSA|XFRM)_|IFLA_STATS_|XSTATS_|BRIDGE_(MRP|CFM|MST_|VLANDB)|BRIDGE_VLAN_TUNNEL_(UNSPEC)|IFF_(TUN|TAP|MULTI_QUEUE|NAPI|NO_CARRIER|ONE_QUEUE|VNET|ATTACH|DETACH|PERSIST|NOFILTER)|802_1Q_VLAN/,
    newer: [
      ['6.2', { IFLA_BRPORT_MAB: 40 }],
      ['6.3', { IFLA_BRPORT_MCAST_N_GROUPS: 41, IFLA_BRPORT_MCAST_MAX_GROUPS: 42 }],
      ['6.4', { IFLA_BRPORT_NEIGH_VLAN_SUPPRESS: 43, IFLA_VXLAN_LOCALBYPASS: 31 }],
      ['6.6', { IFLA_BRPORT_BACKUP_NHID: 44 }],
      ['6.7', { IFLA_BR_FDB_N_LEARNED: 48, IFLA_BR_FDB_MAX_LEARNED: 49, IFLA_VXLAN_LABEL_POLICY: 32 }],
      ['6.14', { IFLA_VXLAN_RESERVED_BITS: 33 }],
      ['6.15', { IFLA_VXLAN_MC_ROUTE: 34 }],
    ],
  },
  {
    file: 'wire/tc/constants.ts',
    about: 'Traffic control: qdiscs, classes, filters, actions.',
    headers: [
      'linux/pkt_sched.h',
      'linux/pkt_cls.h',
      'linux/rtnetlink.h',
      'linux/tc_act/tc_mirred.h',
      'linux/tc_act/tc_gact.h',
      'linux/tc_act/tc_skbedit.h',
    ],
    only: /^(TC_H_|TC_LINKLAYER_|TCA_(TBF|HTB|FQ_CODEL|U32|MATCHALL|ACT|MIRRED|GACT|SKBEDIT|FW|BASIC)_|TC_ACT_|TC_U32_|TCA_(KIND|OPTIONS|STATS2?|XSTATS|RATE|FCNT|STAB|DUMP_INVISIBLE|CHAIN|HW_OFFLOAD|INGRESS_BLOCK|EGRESS_BLOCK|DUMP_FLAGS|EXT_WARN_MSG)$|TCA_CLS_FLAGS|TCA_(EGRESS|INGRESS)_(REDIR|MIRROR)|SKBEDIT_F)/,
    except:
      /_UNSPEC$(?<!TC_H_UNSPEC|TC_ACT_UNSPEC)|_PAD$|_XSTATS_|TCA_ACT_(GACT|IPT|PEDIT|MIRRED|NAT|XT|SKBEDIT|VLAN|BPF|CONNMARK|SKBMOD|CSUM|TUNNEL|SIMP|IFE|SAMPLE)|TC_H_(MAJ|MIN|MAKE)$|TC_U32_(HTID|USERHTID|HASH|NODE|KEY)$|TC_U32_UNSPEC/,
  },
  {
    file: 'wire/nft/constants.ts',
    about: 'nf_tables over nfnetlink.',
    headers: [
      'linux/netfilter.h',
      'linux/netfilter/nfnetlink.h',
      'linux/netfilter/nf_tables.h',
      'linux/netfilter/nf_nat.h',
    ],
    preamble: '#include <netinet/in.h>',
    only: /^(NF_|NFT_|NFTA_|NFNL_|NFPROTO_|NFNLGRP_NFTABLES|NFNETLINK_V0)/,
    except:
      /_UNSPEC$(?<!NFPROTO_UNSPEC)|NFT_MSG_MAX|TUNNEL|OSF|SECMARK|SYNPROXY|XFRM|_PAD$|MAXLEN|MAXNAMELEN|MAXGEN|NFT_DATA_RESERVED|NF_(REPEAT|STOP|VERDICT_)|DECNET|_COMPAT|_FLOW_|HW_OFFLOAD|NFTA_CT_(HELPER|TIMEOUT|EXPECT)|SUBSYS_(?!NFTABLES|CTNETLINK)|NFT_REG(32)?_(SIZE|COUNT)/,
    newer: [
      [
        '6.2',
        {
          NFT_MSG_GETRULE_RESET: 25,
          NFT_PAYLOAD_TUN_HEADER: 4,
          NFTA_INNER_NUM: 1,
          NFTA_INNER_TYPE: 2,
          NFTA_INNER_FLAGS: 3,
          NFTA_INNER_HDRSIZE: 4,
          NFTA_INNER_EXPR: 5,
        },
      ],
      [
        '6.3',
        {
          NFT_MSG_DESTROYTABLE: 26,
          NFT_MSG_DESTROYCHAIN: 27,
          NFT_MSG_DESTROYRULE: 28,
          NFT_MSG_DESTROYSET: 29,
          NFT_MSG_DESTROYSETELEM: 30,
          NFT_MSG_DESTROYOBJ: 31,
          NFT_MSG_DESTROYFLOWTABLE: 32,
        },
      ],
      ['6.5', { NFT_MSG_GETSETELEM_RESET: 33 }],
      ['6.9', { NFT_TABLE_F_PERSIST: 4 }],
      ['6.13', { NFT_BITWISE_AND: 3, NFT_BITWISE_OR: 4, NFT_BITWISE_XOR: 5, NFTA_BITWISE_SREG2: 8 }],
      ['6.16', { NFTA_SET_TYPE: 19, NFTA_SET_COUNT: 20 }],
    ],
  },
  {
    file: 'wire/conntrack/constants.ts',
    about: 'Connection tracking over nfnetlink (ctnetlink).',
    headers: [
      'linux/netfilter/nfnetlink_conntrack.h',
      'linux/netfilter/nf_conntrack_common.h',
      'linux/netfilter/nf_conntrack_tcp.h',
      'linux/netfilter/nf_conntrack_sctp.h',
    ],
    only: /^(IPCTNL_MSG_CT_|CTA_|IPS_|TCP_CONNTRACK_|SCTP_CONNTRACK_|IP_CT_TCP_FLAG_)/,
    except:
      /UNSPEC$|_PAD$|_BIT$|_MAX$(?<!PORT_MAX)|_MASK$(?<!CTA_\w*_MASK)|UNCHANGEABLE|CTA_(EXPECT|STATS_(?!GLOBAL)|NAT_SEQ|COUNTERS32|PROTONAT$)|CTA_NAT$|CTA_NAT_M(IN|AX)IP|TCP_CONNTRACK_(IGNORE|RETRANS|UNACK|TIMEOUT)/,
    newer: [
      ['6.14', { CTA_TIMESTAMP_EVENT: 27 }],
      [
        'include/net/netfilter/nf_internals.h: what of a tuple counts in CTA_FILTER_ORIG_FLAGS and CTA_FILTER_REPLY_FLAGS',
        {
          CTA_FILTER_F_CTA_IP_SRC: 1 << 0,
          CTA_FILTER_F_CTA_IP_DST: 1 << 1,
          CTA_FILTER_F_CTA_TUPLE_ZONE: 1 << 2,
          CTA_FILTER_F_CTA_PROTO_NUM: 1 << 3,
          CTA_FILTER_F_CTA_PROTO_SRC_PORT: 1 << 4,
          CTA_FILTER_F_CTA_PROTO_DST_PORT: 1 << 5,
          CTA_FILTER_F_CTA_PROTO_ICMP_TYPE: 1 << 6,
          CTA_FILTER_F_CTA_PROTO_ICMP_CODE: 1 << 7,
          CTA_FILTER_F_CTA_PROTO_ICMP_ID: 1 << 8,
          CTA_FILTER_F_CTA_PROTO_ICMPV6_TYPE: 1 << 9,
          CTA_FILTER_F_CTA_PROTO_ICMPV6_CODE: 1 << 10,
          CTA_FILTER_F_CTA_PROTO_ICMPV6_ID: 1 << 11,
        },
      ],
    ],
  },
  {
    file: 'wire/diag/constants.ts',
    about: 'Sockets over netlink (sock_diag).',
    headers: ['linux/netlink.h', 'linux/sock_diag.h', 'linux/inet_diag.h'],
    only: /^(NETLINK_SOCK_DIAG$|SOCK_DIAG_BY_FAMILY$|INET_DIAG_)/,
    except: /_NONE$|_PAD$|GETSOCK|_MAX$/,
    newer: [
      [
        'include/net/tcp_states.h: the states of sockets, of UDP and SCTP as well',
        { TCP_ESTABLISHED: 1, TCP_CLOSE: 7, TCP_LISTEN: 10 },
      ],
    ],
  },
]
