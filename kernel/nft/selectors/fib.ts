// What the routing table says about an address of the packet. nft(8): "FIB EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import type { Fib } from '../../../wire/nft/expr/fib.js'
import { symbolic } from '../datatype.js'
import { datatype } from '../datatypes.js'
import type { Selector } from '../selector.js'
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
