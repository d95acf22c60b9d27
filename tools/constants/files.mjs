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
    newer: [['(a mask that is written with ~ in C)', { NLA_TYPE_MASK: 0x3fff }]],
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
]
