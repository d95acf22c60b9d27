// Netlink messages as text, in the layout of `nft --debug=mnl` (libmnl), so that the two can be compared line by line.
import { writeSync } from 'node:fs'
import {
  NLM_F_ACK,
  NLM_F_ECHO,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_MIN_TYPE,
} from '../../wire/netlink/constants.js'
import { decodeMessages } from '../../wire/netlink/message.js'

const NLA_F_NESTED = 0x8000
const NLA_F_NET_BYTEORDER = 0x4000
const NLA_TYPE_MASK = 0x3fff
const NLA_HDRLEN = 4
const RULE = '----------------\t------------------\n'
const RED = '\x1b[1;31m'
const GREEN = '\x1b[1;32m'
const BLUE = '\x1b[1;34m'
const PLAIN = '\x1b[0m'
/** Bytes of the fixed header by group of four rtnetlink types, RTM_NEWLINK first: ifinfomsg, ifaddrmsg, rtmsg, … */
const RTNETLINK_HEADERS = [16, 8, 12, 12, 12, 20, 20, 20, 4]
/** Prints every message of a datagram to stderr. */
export function printDatagram(datagram) {
  let text = ''
  for (const message of decodeMessages(datagram)) text += formatMessage(message)
  writeSync(2, text)
}
/** One message, ruled off above and below. */
export function formatMessage(message) {
  const { payload, type } = message
  const lines = [header(message)]
  let headerLeft = type < NLMSG_MIN_TYPE ? payload.length : fixedHeaderLength(type, payload.length)
  let dataLeft = 0
  for (let at = 0; at + 4 <= payload.length; at += 4) {
    const bytes = payload.subarray(at, at + 4)
    const attrType = payload.readUInt16LE(at + 2)
    if (headerLeft > 0) {
      headerLeft -= 4
      lines.push(`${hex(bytes)}${type < NLMSG_MIN_TYPE ? BLANK : '|  extra header  |'}\n`)
    } else if (dataLeft > 0) {
      dataLeft -= 4
      lines.push(`${hex(bytes)}|      data      |\t ${Array.from(bytes, printable).join(' ')}\n`)
    } else if ((attrType & NLA_TYPE_MASK) !== 0) {
      const length = payload.readUInt16LE(at)
      lines.push(attributeHeader(length, attrType))
      if ((attrType & NLA_F_NESTED) === 0) dataLeft = ((length + 3) & ~3) - NLA_HDRLEN
    } else {
      lines.push(`${hex(bytes)}${BLANK}\n`)
    }
  }
  return `${lines.join('')}${RULE}`
}
const BLANK = '|                |'
function header({ type, flags, seq, pid, payload }) {
  const letters =
    (flags & NLM_F_REQUEST ? 'R' : '-') +
    (flags & NLM_F_MULTI ? 'M' : '-') +
    (flags & NLM_F_ACK ? 'A' : '-') +
    (flags & NLM_F_ECHO ? 'E' : '-')
  return (
    `${RULE}|  ${digits(payload.length + 16, 10)}  |\t| message length |\n` +
    `| ${digits(type, 5)} | ${letters} |\t|  type | flags  |\n` +
    `|  ${digits(seq, 10)}  |\t| sequence number|\n` +
    `|  ${digits(pid, 10)}  |\t|     port ID    |\n${RULE}`
  )
}
function attributeHeader(length, type) {
  const flags = (type & NLA_F_NESTED ? 'N' : '-') + (type & NLA_F_NET_BYTEORDER ? 'B' : '-')
  const columns = [RED + digits(length, 5), GREEN + flags, BLUE + digits(type & NLA_TYPE_MASK, 5)]
  return `|${columns.map(column => column + PLAIN).join('|')}|\t|len |flags| type|\n`
}
/** Types do not say which protocol they belong to: 16 is RTM_NEWLINK, and also the start of an nf_tables batch. */
function fixedHeaderLength(type, payloadLength) {
  if (type >= 256 || payloadLength <= 4) return 4
  return RTNETLINK_HEADERS[(type - NLMSG_MIN_TYPE) >> 2] ?? 4
}
function hex(bytes) {
  return `| ${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ')}  |\t`
}
function printable(byte) {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ' '
}
function digits(value, width) {
  return String(value).padStart(width, '0')
}
//# sourceMappingURL=debug.js.map
