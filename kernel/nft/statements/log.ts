// nft(8): "LOG STATEMENT". linux/netfilter/nf_log.h: NF_LOG_*.
import * as c from '../../../wire/nft/constants.js'
import type { Log as LogExpr } from '../../../wire/nft/expr/log.js'
import type { Lowering } from '../lowering.js'
import { define } from '../statement.js'
import { checkQuotable, quoted } from '../text.js'

const NF_LOG_PREFIXLEN = 128

const levels = {
  emerg: c.NFT_LOGLEVEL_EMERG,
  alert: c.NFT_LOGLEVEL_ALERT,
  crit: c.NFT_LOGLEVEL_CRIT,
  err: c.NFT_LOGLEVEL_ERR,
  warn: c.NFT_LOGLEVEL_WARNING,
  notice: c.NFT_LOGLEVEL_NOTICE,
  info: c.NFT_LOGLEVEL_INFO,
  debug: c.NFT_LOGLEVEL_DEBUG,
  audit: c.NFT_LOGLEVEL_AUDIT,
} as const

const flagBits = { 'tcp sequence': 1, 'tcp options': 2, 'ip options': 4, skuid: 8, ether: 0x20 } as const

export type LogLevel = keyof typeof levels
export type LogFlag = keyof typeof flagBits

export interface Log {
  readonly kind: 'log'
  readonly prefix?: string
  /** Of nfnetlink_log; without it, to the kernel's log. */
  readonly group?: number
  /** How many bytes of a packet go to the group. */
  readonly snaplen?: number
  /** How many packets are gathered before the group's listener is woken. */
  readonly queueThreshold?: number
  /** Absent is 'warn'. */
  readonly level?: LogLevel
  readonly flags?: readonly LogFlag[]
}

/** Logs packets. A prefix of more than 127 bytes, or with quotes, is a RangeError. */
export function log({ prefix, level, flags, ...rest }: Omit<Log, 'kind'> = {}): Log {
  return {
    kind: 'log',
    ...(prefix !== undefined && { prefix: checkQuotable('prefix', prefix, NF_LOG_PREFIXLEN - 1) }),
    ...rest,
    ...(level !== undefined && level !== 'warn' && { level }),
    ...(flags !== undefined && flags.length > 0 && { flags: sorted(flags) }),
  }
}

function sorted(flags: readonly LogFlag[]): readonly LogFlag[] {
  return (Object.keys(flagBits) as LogFlag[]).filter(flag => flags.includes(flag))
}

export function lowerLog({ prefix, group, snaplen, queueThreshold, level, flags }: Log, to: Lowering): void {
  to.emit({
    kind: 'log',
    ...(prefix !== undefined && { prefix }),
    ...(group !== undefined && { group }),
    ...(snaplen !== undefined && { snaplen }),
    ...(queueThreshold !== undefined && { qthreshold: queueThreshold }),
    ...(level !== undefined && { level: levels[level] }),
    ...(flags !== undefined && { flags: flags.reduce<number>((bits, flag) => bits | flagBits[flag], 0) }),
  })
}

/** Undefined for levels and flags that nft has no word for. */
export function logFrom(expr: LogExpr): Log | undefined {
  const level = (Object.keys(levels) as LogLevel[]).find(name => levels[name] === expr.level)
  const flags = (Object.keys(flagBits) as LogFlag[]).filter(
    flag => ((expr.flags ?? 0) & flagBits[flag]) !== 0,
  )
  const known = flags.reduce<number>((bits, flag) => bits | flagBits[flag], 0)
  if ((expr.level !== undefined && level === undefined) || known !== (expr.flags ?? 0)) return undefined
  return {
    kind: 'log',
    ...(expr.prefix !== undefined && expr.prefix !== '' && { prefix: expr.prefix }),
    ...(expr.group !== undefined && { group: expr.group }),
    // The kernel lists zeros for what was not given.
    ...(expr.snaplen && { snaplen: expr.snaplen }),
    ...(expr.qthreshold && { queueThreshold: expr.qthreshold }),
    ...(level !== undefined && level !== 'warn' && { level }),
    ...(flags.length > 0 && { flags }),
  }
}

export function printLog({ prefix, group, snaplen, queueThreshold, level, flags = [] }: Log): string {
  const parts = ['log']
  if (prefix !== undefined) parts.push(`prefix ${quoted(prefix)}`)
  if (group !== undefined) parts.push(`group ${group}`)
  if (snaplen !== undefined) parts.push(`snaplen ${snaplen}`)
  if (queueThreshold !== undefined) parts.push(`queue-threshold ${queueThreshold}`)
  if (level !== undefined) parts.push(`level ${level}`)
  const tcp = flags.filter(flag => flag.startsWith('tcp ')).map(flag => flag.slice(4))
  if (tcp.length > 0) parts.push(`flags tcp ${tcp.join(',')}`)
  for (const flag of flags) if (!flag.startsWith('tcp ')) parts.push(`flags ${flag}`)
  return parts.join(' ')
}

define<Log>('log', { lower: lowerLog, print: printLog })
