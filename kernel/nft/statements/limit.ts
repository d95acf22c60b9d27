// Limits: of rate, of bytes, of connections. nft(8): "LIMIT STATEMENT", "QUOTA", "CONNLIMIT".
import * as c from '../../../wire/nft/constants.js'
import type { Connlimit } from '../../../wire/nft/expr/connlimit.js'
import type { Limit as LimitExpr } from '../../../wire/nft/expr/limit.js'
import type { Quota as QuotaExpr } from '../../../wire/nft/expr/quota.js'
import { define } from '../statement.js'
import { byteCount } from '../text.js'

const units = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 } as const

export type LimitUnit = keyof typeof units

export interface Limit {
  readonly kind: 'limit'
  /** Packets or bytes. */
  readonly rate: bigint
  readonly per: LimitUnit
  readonly bytes: boolean
  /** Packets or bytes above the rate; 0 is none. */
  readonly burst: number
  /** Holds above the rate, not below. */
  readonly over: boolean
}

export interface LimitOptions {
  readonly rate: number | bigint
  readonly per?: LimitUnit
  readonly bytes?: boolean
  readonly burst?: number
  readonly over?: boolean
}

/** nft's, for packets. */
const DEFAULT_BURST = 5

/** `limit rate 10/second`: limit({ rate: 10 }). The rule goes on with packets below the rate (with `over`, above). */
export function limit({ rate, per = 'second', bytes = false, burst, over = false }: LimitOptions): Limit {
  return { kind: 'limit', rate: BigInt(rate), per, bytes, burst: burst ?? (bytes ? 0 : DEFAULT_BURST), over }
}

export interface Quota {
  readonly kind: 'quota'
  readonly bytes: bigint
  readonly over: boolean
  /** Bytes that have passed already. */
  readonly used: bigint
}

/** `quota over 10 mbytes`: quota({ bytes: 10 << 20, over: true }) */
export function quota(options: { bytes: number | bigint; over?: boolean; used?: number | bigint }): Quota {
  const { bytes, over = false, used = 0 } = options
  return { kind: 'quota', bytes: BigInt(bytes), over, used: BigInt(used) }
}

export interface CtCount {
  readonly kind: 'ct count'
  readonly count: number
  readonly over: boolean
}

/** The number of connections that got here: the rule goes on up to `count` of them (with `over`, from there on). */
export function ctCount(count: number, { over = false }: { readonly over?: boolean } = {}): CtCount {
  return { kind: 'ct count', count, over }
}

export function limitExpr({ rate, per, bytes, burst, over }: Limit): LimitExpr {
  return {
    kind: 'limit',
    rate,
    unit: BigInt(units[per]),
    ...(burst !== 0 && { burst }),
    type: bytes ? c.NFT_LIMIT_PKT_BYTES : c.NFT_LIMIT_PKTS,
    flags: over ? c.NFT_LIMIT_F_INV : 0,
  }
}

/** Undefined for units that nft has no word for. */
export function limitFrom({ rate, unit, burst = 0, type, flags = 0 }: LimitExpr): Limit | undefined {
  const per = (Object.keys(units) as LimitUnit[]).find(name => BigInt(units[name]) === unit)
  if (per === undefined) return undefined
  const bytes = type === c.NFT_LIMIT_PKT_BYTES
  return { kind: 'limit', rate, per, bytes, burst, over: (flags & c.NFT_LIMIT_F_INV) !== 0 }
}

export function quotaExpr({ bytes, over, used }: Quota): QuotaExpr {
  return { kind: 'quota', bytes, consumed: used, flags: over ? c.NFT_QUOTA_F_INV : 0 }
}

export function quotaFrom({ bytes, consumed = 0n, flags = 0 }: QuotaExpr): Quota {
  return { kind: 'quota', bytes, over: (flags & c.NFT_QUOTA_F_INV) !== 0, used: consumed }
}

export function ctCountExpr({ count, over }: CtCount): Connlimit {
  return { kind: 'connlimit', count, flags: over ? c.NFT_CONNLIMIT_F_INV : 0 }
}

export function ctCountFrom({ count, flags = 0 }: Connlimit): CtCount {
  return { kind: 'ct count', count, over: (flags & c.NFT_CONNLIMIT_F_INV) !== 0 }
}

/** `over 10 mbytes/second burst 5 packets`, which follows `limit rate` or `rate`. */
export function printRate({ rate, per, bytes, burst, over }: Limit): string {
  const amount = bytes ? byteCount(rate) : String(rate)
  const extra = bytes ? (burst === 0 ? '' : ` burst ${byteCount(BigInt(burst))}`) : ` burst ${burst} packets`
  return `${over ? 'over ' : ''}${amount}/${per}${extra}`
}

/** `over 10 mbytes used 5 kbytes`, which follows `quota`. */
export function printQuota({ bytes, over, used }: Quota): string {
  return `${over ? 'over ' : ''}${byteCount(bytes)}${used === 0n ? '' : ` used ${byteCount(used)}`}`
}

export function printCtCount({ count, over }: CtCount): string {
  return `ct count ${over ? 'over ' : ''}${count}`
}

define<Limit>('limit', {
  lower: (statement, to) => to.emit(limitExpr(statement)),
  print: statement => `limit rate ${printRate(statement)}`,
})
define<Quota>('quota', {
  lower: (statement, to) => to.emit(quotaExpr(statement)),
  print: statement => `quota ${printQuota(statement)}`,
})
define<CtCount>('ct count', {
  lower: (statement, to) => to.emit(ctCountExpr(statement)),
  print: printCtCount,
})
