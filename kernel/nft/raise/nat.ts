// NAT statements: the registers that their expressions name hold constants, or what a map has.
import type { Ip } from '../../../wire/ip.js'
import * as c from '../../../wire/nft/constants.js'
import type { Masq } from '../../../wire/nft/expr/masq.js'
import type { Nat as NatExpr } from '../../../wire/nft/expr/nat.js'
import type { Redir } from '../../../wire/nft/expr/redir.js'
import type { Datatype } from '../datatype.js'
import { datatype } from '../datatypes.js'
import { addressType, type Masquerade, type Nat, natFlagsFrom, type Redirect } from '../statements/nat.js'
import type { Range, Scalar } from '../value.js'
import type { Registers } from './registers.js'

export function raiseNat(expr: NatExpr, registers: Registers): Nat | undefined {
  const family = expr.family === c.NFPROTO_IPV4 ? 'ip' : expr.family === c.NFPROTO_IPV6 ? 'ip6' : undefined
  if (family === undefined) return undefined
  const type = expr.type === c.NFT_NAT_SNAT ? 'snat' : 'dnat'
  const flags = natFlagsFrom(expr.flags)
  const first = registers.get(expr.addrMin)
  if (first?.kind === 'mapped') {
    if (expr.protoMin === undefined) return { kind: 'nat', type, family, to: first.value, flags }
    const second = registers.get(expr.protoMin)
    const whole = second?.kind === 'mapped' && second.value === first.value && second.part === first.part + 1
    return whole ? { kind: 'nat', type, family, to: first.value, flags } : undefined
  }
  const address = constant(registers, addressType(family), expr.addrMin, expr.addrMax)
  const port = constant(registers, datatype('inet_service'), expr.protoMin, expr.protoMax)
  if (address === null || port === null) return undefined
  const to = {
    ...(address !== undefined && { address: address as Ip | Range }),
    ...(port !== undefined && { port: port as number | Range }),
  }
  return { kind: 'nat', type, family, to, flags }
}

export function raisePorts(expr: Masq | Redir, registers: Registers): Masquerade | Redirect | undefined {
  const ports = constant(registers, datatype('inet_service'), expr.protoMin, expr.protoMax)
  if (ports === null) return undefined
  return {
    kind: expr.kind === 'masq' ? 'masquerade' : 'redirect',
    ...(ports !== undefined && { ports: ports as number | Range }),
    flags: natFlagsFrom(expr.flags),
  }
}

/** What is between two registers: undefined when none is named, null when they hold no constants. */
function constant(
  registers: Registers,
  type: Datatype,
  min: number | undefined,
  max: number | undefined,
): Scalar | Range | undefined | null {
  if (min === undefined) return undefined
  const from = scalarIn(registers, type, min)
  // The kernel lists the same register twice where only one was given.
  if (from === null || max === undefined || max === min) return from
  const to = scalarIn(registers, type, max)
  return to === null ? null : { from, to }
}

function scalarIn(registers: Registers, type: Datatype, number: number): Scalar | null {
  const content = registers.get(number)
  return content?.kind === 'bytes' && content.bytes.length === type.size
    ? type.decode(content.bytes, 0)
    : null
}
