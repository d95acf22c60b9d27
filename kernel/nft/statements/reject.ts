// nft(8): "REJECT STATEMENT".
import * as c from '../../../wire/nft/constants.js'
import type { Reject as RejectExpr } from '../../../wire/nft/expr/reject.js'
import type { Lowering } from '../lowering.js'
import type { Network } from '../selector.js'
import { define } from '../statement.js'
import * as symbols from '../symbols.js'
import { symbolOf } from '../symbols.js'

/** How the sender is told: by a TCP reset, or by the code of an ICMP message; `icmpx` is ICMP or ICMPv6, as it fits. */
export type RejectWith =
  | { readonly type: 'tcp reset' }
  | { readonly type: 'icmp' | 'icmpv6' | 'icmpx'; readonly code: string }

export interface Reject {
  readonly kind: 'reject'
  /** Absent is "port unreachable". */
  readonly with?: RejectWith
}

const codes = { icmp: symbols.icmpCodes, icmpv6: symbols.icmpv6Codes, icmpx: symbols.icmpxCodes } as const
const PORT_UNREACHABLE = 'port-unreachable'

/** Drops packets and tells their sender: reject({ type: 'icmpx', code: 'admin-prohibited' }). */
export function reject(how?: RejectWith): Reject {
  if (how === undefined) return { kind: 'reject' }
  if (how.type !== 'tcp reset' && !Object.hasOwn(codes[how.type], how.code))
    throw new RangeError(`no code of ${how.type}: ${JSON.stringify(how.code)}`)
  return { kind: 'reject', with: how }
}

export function lowerReject(statement: Reject, to: Lowering): void {
  const how = statement.with ?? { type: defaultType(to), code: PORT_UNREACHABLE }
  if (how.type === 'tcp reset') {
    to.need('reject with tcp reset', { transport: symbols.inetProtos.tcp! })
    to.emit({ kind: 'reject', type: c.NFT_REJECT_TCP_RST, code: 0 })
    return
  }
  const network: Network | undefined = how.type === 'icmpx' ? undefined : how.type === 'icmp' ? 'ip' : 'ip6'
  if (network !== undefined) to.need(`reject with ${how.type}`, { network })
  const type = how.type === 'icmpx' ? c.NFT_REJECT_ICMPX_UNREACH : c.NFT_REJECT_ICMP_UNREACH
  to.emit({ kind: 'reject', type, code: codes[how.type][how.code]! })
}

/** In a rule that matches one protocol, its own message; else the one that fits both. */
function defaultType({ network }: { readonly network: Network | undefined }): 'icmp' | 'icmpv6' | 'icmpx' {
  return network === 'ip' ? 'icmp' : network === 'ip6' ? 'icmpv6' : 'icmpx'
}

/** `network` is what the rule has matched. Undefined for types and codes that nft has no word for. */
export function rejectFrom({ type, code = 0 }: RejectExpr, network: Network | undefined): Reject | undefined {
  if (type === c.NFT_REJECT_TCP_RST) return { kind: 'reject', with: { type: 'tcp reset' } }
  const message = type === c.NFT_REJECT_ICMPX_UNREACH ? 'icmpx' : defaultType({ network })
  if (message === 'icmpx' && type !== c.NFT_REJECT_ICMPX_UNREACH) return undefined
  const name = symbolOf(codes[message], code)
  if (name === undefined) return undefined
  if (name === PORT_UNREACHABLE && message === defaultType({ network })) return { kind: 'reject' }
  return { kind: 'reject', with: { type: message, code: name } }
}

export function printReject({ with: how }: Reject): string {
  if (how === undefined) return 'reject'
  return how.type === 'tcp reset' ? 'reject with tcp reset' : `reject with ${how.type} ${how.code}`
}

define<Reject>('reject', { lower: lowerReject, print: printReject })
