// Routing tables, routes, sockets, options, numbers and hashes. nft(8): "FIB EXPRESSIONS", "ROUTING EXPRESSIONS",
// "SOCKET EXPRESSION", "EXTENSION HEADER EXPRESSIONS", "NUMGEN EXPRESSION", "HASH EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import type { Fib } from '../../../wire/nft/expr/fib.js'
import { symbolic } from '../datatype.js'
import { boolean, datatype, plainInteger } from '../datatypes.js'
import { catalogue, define, type Selector } from '../selector.js'
import { presence } from '../symbols.js'

export type FibFlag = keyof typeof fibFlags

const fibFlags = {
  saddr: c.NFTA_FIB_F_SADDR,
  daddr: c.NFTA_FIB_F_DADDR,
  mark: c.NFTA_FIB_F_MARK,
  iif: c.NFTA_FIB_F_IIF,
  oif: c.NFTA_FIB_F_OIF,
} as const

const flagNames = Object.keys(fibFlags) as FibFlag[]

const fibResults = {
  oif: [c.NFT_FIB_RESULT_OIF, 'iface_index'],
  oifname: [c.NFT_FIB_RESULT_OIFNAME, 'ifname'],
  type: [c.NFT_FIB_RESULT_ADDRTYPE, 'fib_addrtype'],
} as const

export type FibResult = keyof typeof fibResults

/** The answer to whether there is an answer fills a register. */
const found = symbolic('boolean', 39, 4, presence, 'host')

/** What the routing table says: `fib('daddr', 'type')` is the type of the destination (`local`, …). */
export function fib(what: FibFlag | readonly FibFlag[], result: FibResult): Selector {
  return fibSelector(what, result, false)
}

/** Whether it says anything: 'exists' or 'missing'. `fibExists(['saddr', 'iif'], 'oif')` is a reverse path filter. */
export function fibExists(what: FibFlag | readonly FibFlag[], result: 'oif' | 'oifname'): Selector {
  return fibSelector(what, result, true)
}

function fibSelector(what: FibFlag | readonly FibFlag[], result: FibResult, present: boolean): Selector {
  const asked: readonly FibFlag[] = typeof what === 'string' ? [what] : what
  const names = flagNames.filter(name => asked.includes(name))
  const flags = names.reduce<number>(
    (bits, name) => bits | fibFlags[name],
    present ? c.NFTA_FIB_F_PRESENT : 0,
  )
  const [number, type] = fibResults[result]
  return {
    text: `fib ${names.join(' . ')} ${result}`,
    type: present ? found : datatype(type),
    load: { kind: 'fib', flags, result: number },
  }
}

/** The selector behind a fib expression; undefined when it has flags or results that we do not know. */
export function fibFrom(load: Fib): Selector | undefined {
  const names = flagNames.filter(name => (load.flags & fibFlags[name]) !== 0)
  const result = (Object.keys(fibResults) as FibResult[]).find(name => fibResults[name][0] === load.result)
  if (result === undefined) return undefined
  const selector = fibSelector(names, result, (load.flags & c.NFTA_FIB_F_PRESENT) !== 0)
  return 'flags' in selector.load && selector.load.flags === load.flags ? selector : undefined
}

const realm = datatype('realm')

export const rt = {
  classid: define({ text: 'rt classid', type: realm, load: { kind: 'rt', key: c.NFT_RT_CLASSID } }),
  ipNexthop: define({
    text: 'rt ip nexthop',
    type: datatype('ipv4_addr'),
    load: { kind: 'rt', key: c.NFT_RT_NEXTHOP4 },
  }),
  ip6Nexthop: define({
    text: 'rt ip6 nexthop',
    type: datatype('ipv6_addr'),
    load: { kind: 'rt', key: c.NFT_RT_NEXTHOP6 },
  }),
  /** The largest TCP segment that fits the route. */
  mtu: define({ text: 'rt mtu', type: plainInteger(2, 'host'), load: { kind: 'rt', key: c.NFT_RT_TCPMSS } }),
} as const

export const socket = {
  transparent: define({
    text: 'socket transparent',
    type: plainInteger(1, 'host'),
    load: { kind: 'socket', key: c.NFT_SOCKET_TRANSPARENT, level: 0 },
  }),
  mark: define({
    text: 'socket mark',
    type: datatype('mark'),
    load: { kind: 'socket', key: c.NFT_SOCKET_MARK, level: 0 },
  }),
  wildcard: define({
    text: 'socket wildcard',
    type: plainInteger(1, 'host'),
    load: { kind: 'socket', key: c.NFT_SOCKET_WILDCARD, level: 0 },
  }),
} as const

const IPV6_HEADERS = { hbh: 0, rt: 43, frag: 44, auth: 51, dst: 60, mh: 135 } as const

/** Whether an IPv6 extension header is there: 'exists' or 'missing'. */
export const exthdr = Object.fromEntries(
  Object.entries(IPV6_HEADERS).map(([name, type]) => [
    name,
    define({
      text: `exthdr ${name}`,
      type: boolean,
      load: {
        kind: 'exthdr',
        type,
        offset: 0,
        len: 1,
        op: c.NFT_EXTHDR_OP_IPV6,
        flags: c.NFT_EXTHDR_F_PRESENT,
      },
    }),
  ]),
) as Record<keyof typeof IPV6_HEADERS, Selector>

const MAXSEG = 2

/** The largest segment a TCP sender will take; can be set, to `rt.mtu` for one. */
export const tcpMaxseg = define({
  text: 'tcp option maxseg size',
  type: plainInteger(2),
  load: { kind: 'exthdr', type: MAXSEG, offset: 2, len: 2, op: c.NFT_EXTHDR_OP_TCPOPT, flags: 0 },
})

const number = plainInteger(4, 'host')

/** Numbers below `modulus`, in turn (`inc`) or at random; `offset` is added. */
export function numgen(mode: 'inc' | 'random', modulus: number, offset = 0): Selector {
  const type = mode === 'inc' ? c.NFT_NG_INCREMENTAL : c.NFT_NG_RANDOM
  return {
    text: `numgen ${mode} mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`,
    type: number,
    load: { kind: 'numgen', modulus, type, offset },
  }
}

/** A hash of selectors, below `modulus`. Without a seed the kernel makes one up. */
export function jhash(
  hashed: readonly Selector[],
  modulus: number,
  { seed, offset = 0 }: { readonly seed?: number; readonly offset?: number } = {},
): Selector {
  const texts = hashed.map(selector => selector.text).join(' . ')
  const seedText = seed === undefined ? '' : ` seed 0x${seed.toString(16)}`
  return {
    text: `jhash ${texts} mod ${modulus}${seedText}${offset === 0 ? '' : ` offset ${offset}`}`,
    type: number,
    load: {
      kind: 'hash',
      modulus,
      type: c.NFT_HASH_JENKINS,
      ...(seed !== undefined && { seed }),
      offset,
    },
    hashed,
  }
}

/** A hash of the packet's flow, the same in both directions. */
export function symhash(modulus: number, offset = 0): Selector {
  return {
    text: `symhash mod ${modulus}${offset === 0 ? '' : ` offset ${offset}`}`,
    type: number,
    load: { kind: 'hash', modulus, type: c.NFT_HASH_SYM, offset },
  }
}

/** The catalogue, for certain with everything above and in the neighbouring files in it. */
export function allSelectors(): readonly Selector[] {
  return catalogue
}
