// RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE: which packets are looked up in which routing table.
// linux/fib_rules.h (v6.1): struct fib_rule_hdr { u8 family, dst_len, src_len, tos, table, res1, res2, action; u32 flags }, FRA_*.
import type { Family, Prefix } from '../ip.js'
import type { NlWriter } from '../netlink/attr.js'
import {
  decodeAfter,
  defined,
  ip,
  type Rest,
  struct,
  table,
  text,
  u8,
  u32,
  u64be,
} from '../netlink/fields.js'
import { WireError } from '../wire-error.js'
import * as c from './constants.js'
import { afOf, familyOf, prefixOf } from './family.js'

const FIB_RULE_HDR_LEN = 12

/** From the first to the last, both included. */
export interface Range {
  readonly start: number
  readonly end: number
}

const portRange = (type: number) =>
  struct(
    type,
    4,
    (buf): Range => ({ start: buf.readUInt16LE(0), end: buf.readUInt16LE(2) }),
    (w, v) => w.u16(v.start).u16(v.end),
  )

const attributes = table({
  to: ip(c.FRA_DST),
  from: ip(c.FRA_SRC),
  priority: u32(c.FRA_PRIORITY),
  iif: text(c.FRA_IIFNAME),
  oif: text(c.FRA_OIFNAME),
  fwmark: u32(c.FRA_FWMARK),
  fwmask: u32(c.FRA_FWMASK),
  table: u32(c.FRA_TABLE),
  goto: u32(c.FRA_GOTO),
  suppressPrefixLength: u32(c.FRA_SUPPRESS_PREFIXLEN),
  suppressGroup: u32(c.FRA_SUPPRESS_IFGROUP),
  realms: u32(c.FRA_FLOW),
  tunnelId: u64be(c.FRA_TUN_ID),
  l3mdev: u8(c.FRA_L3MDEV),
  uidRange: struct(
    c.FRA_UID_RANGE,
    8,
    (buf): Range => ({ start: buf.readUInt32LE(0), end: buf.readUInt32LE(4) }),
    (w, v) => w.u32(v.start).u32(v.end),
  ),
  protocol: u8(c.FRA_PROTOCOL),
  ipProtocol: u8(c.FRA_IP_PROTO),
  sourcePorts: portRange(c.FRA_SPORT_RANGE),
  destinationPorts: portRange(c.FRA_DPORT_RANGE),
})

export interface Rule extends Rest {
  readonly family: Family
  readonly from?: Prefix | undefined
  readonly to?: Prefix | undefined
  readonly tos?: number | undefined
  /** The lowest comes first. */
  readonly priority?: number | undefined
  /** By default RT_TABLE_MAIN, with the action FR_ACT_TO_TBL. */
  readonly table?: number | undefined
  /** FR_ACT_* */
  readonly action?: number | undefined
  /** FIB_RULE_*, FIB_RULE_INVERT for 'not'. */
  readonly flags?: number | undefined
  readonly iif?: string | undefined
  readonly oif?: string | undefined
  readonly fwmark?: number | undefined
  readonly fwmask?: number | undefined
  /** The priority of the rule to go on with. */
  readonly goto?: number | undefined
  /** Finds of so short a prefix, or by links of that group, do not count; 0xffffffff: none are suppressed. */
  readonly suppressPrefixLength?: number | undefined
  readonly suppressGroup?: number | undefined
  readonly realms?: number | undefined
  readonly tunnelId?: bigint | undefined
  readonly l3mdev?: number | undefined
  readonly uidRange?: Range | undefined
  /** RTPROT_*: who made the rule. */
  readonly protocol?: number | undefined
  /** IPPROTO_* */
  readonly ipProtocol?: number | undefined
  readonly sourcePorts?: Range | undefined
  readonly destinationPorts?: Range | undefined
}

/** The body of RTM_NEWRULE. */
export function encodeRule(w: NlWriter, rule: Rule): void {
  const { from, to, tos = 0, action = c.FR_ACT_TO_TBL, flags = 0 } = rule
  const table = rule.table ?? (action === c.FR_ACT_TO_TBL ? c.RT_TABLE_MAIN : c.RT_TABLE_UNSPEC)
  w.u8(afOf(rule.family))
    .u8(to?.length ?? 0)
    .u8(from?.length ?? 0)
    .u8(tos)
  w.u8(table > 0xff ? c.RT_TABLE_UNSPEC : table)
    .u8(0)
    .u8(0)
    .u8(action)
    .u32(flags)
  attributes.encode(w, {
    ...rule,
    to: to?.length ? to.ip : undefined,
    from: from?.length ? from.ip : undefined,
    table: table > 0xff ? table : undefined,
  })
}

/** The body of RTM_DELRULE: an absent table or action is not compared. */
export function encodeRuleRemoval(w: NlWriter, rule: Rule): void {
  encodeRule(w, { ...rule, action: rule.action ?? 0, table: rule.table ?? c.RT_TABLE_UNSPEC })
}

/** The body of RTM_GETRULE with NLM_F_DUMP. */
export function encodeRuleDump(w: NlWriter, family?: Family): void {
  w.u8(afOf(family)).zeros(FIB_RULE_HDR_LEN - 1)
}

/** Decodes RTM_NEWRULE and RTM_DELRULE of IPv4 and IPv6; another family is a WireError. */
export function decodeRule(payload: Buffer): Rule {
  const { from, to, table, ...others } = decodeAfter(attributes, payload, FIB_RULE_HDR_LEN)
  const family = familyOf(payload[0]!)
  if (family === undefined) throw new WireError(`a rule of family ${payload[0]}`)
  return defined({
    family,
    to: to && prefixOf(to, payload[1]!),
    from: from && prefixOf(from, payload[2]!),
    tos: payload[3]! || undefined,
    table: table ?? payload[4]!,
    action: payload[7]!,
    flags: payload.readUInt32LE(8) || undefined,
    ...others,
  })
}
