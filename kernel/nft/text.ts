// Pieces of nft text, and the comments that nft keeps in userdata.
import {
  decodeUserdata,
  NFTNL_UDATA_COMMENT_MAXLEN,
  stringIn,
  type UserdataEntry,
} from '../../wire/nft/userdata.js'

/** A string in quotes. nft has no way to write a quote inside: those are refused where strings come in. */
export function quoted(text: string): string {
  return `"${text}"`
}

/** A comment that nft can print and read; another is a RangeError. */
export function checkComment(comment: string): string {
  return checkQuotable('comment', comment, NFTNL_UDATA_COMMENT_MAXLEN - 1)
}

/** Text of at most `max` bytes that fits between quotes. */
export function checkQuotable(what: string, text: string, max: number): string {
  if (/["\0\n]/.test(text) || Buffer.byteLength(text) > max)
    throw new RangeError(`not a ${what} of at most ${max} bytes without quotes: ${JSON.stringify(text)}`)
  return text
}

/** `comment "x"`, with a blank before; nothing when there is none. */
export function commentText(comment: string | undefined): string {
  return comment === undefined ? '' : ` comment ${quoted(comment)}`
}

/** Userdata that we cannot read are as good as none: they are notes of whoever made the object. */
export function readUserdata(userdata: Uint8Array | undefined): UserdataEntry[] {
  if (userdata === undefined) return []
  try {
    return decodeUserdata(userdata)
  } catch {
    return []
  }
}

/** The comment in userdata, as a property to spread. */
export function commentFrom(userdata: Uint8Array | undefined, type: number): { comment?: string } {
  const comment = stringIn(readUserdata(userdata), type)
  return comment === undefined ? {} : { comment }
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** Milliseconds as nft has them: `1m30s`. */
export function duration(ms: number): string {
  let text = ''
  for (const [unit, length] of UNITS) {
    const count = Math.floor(ms / length)
    if (count > 0) text += `${count}${unit}`
    ms -= count * length
  }
  return text === '' ? '0s' : text
}

/** Bytes in the largest unit that needs no fraction: `10 mbytes`. */
export function byteCount(bytes: bigint): string {
  for (const [unit, size] of [
    ['mbytes', 1n << 20n],
    ['kbytes', 1n << 10n],
  ] as const)
    if (bytes >= size && bytes % size === 0n) return `${bytes / size} ${unit}`
  return `${bytes} bytes`
}
