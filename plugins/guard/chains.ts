// Base chains that several kinds of entries put rules into. None of them depends on the order of rules of different kinds.
import { type Chain, chain } from '../../kernel/nft/chain.js'
import { inetTable } from './tables.js'

/** dstnat and srcnat of nft(8); linux/netfilter_ipv4.h: NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC. */
const NF_IP_PRI_NAT_DST = -100
const NF_IP_PRI_NAT_SRC = 100
/** linux/netfilter_ipv4.h: before conntrack looks at the packet. */
const NF_IP_PRI_RAW = -300
/** linux/netfilter_ipv4.h: where most others filter. */
const NF_IP_PRI_FILTER = 0

function nat(name: 'prerouting' | 'output' | 'postrouting', priority: number): Chain {
  return chain({ table: inetTable, name, type: 'nat', hook: name, priority })
}

/** What comes in gets its destination translated here. */
export const preroutingChain = nat('prerouting', NF_IP_PRI_NAT_DST)

/** The same for what the host itself sends. */
export const outputChain = nat('output', NF_IP_PRI_NAT_DST)

/** Sources are translated here, of both. */
export const postroutingChain = nat('postrouting', NF_IP_PRI_NAT_SRC)

/** Drops of what must not come in at all, before anything is translated. */
export const rawChain = chain({
  table: inetTable,
  name: 'raw',
  type: 'filter',
  hook: 'prerouting',
  priority: NF_IP_PRI_RAW,
})

/** What is forwarded, before anybody else filters it. */
export const forwardChain = chain({
  table: inetTable,
  name: 'forward',
  type: 'filter',
  hook: 'forward',
  priority: NF_IP_PRI_FILTER - 10,
})
