// Connection tracking. nft(8): "CONNTRACK EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import { type Datatype, shortText } from '../datatype.js'
import { datatype, plainInteger } from '../datatypes.js'
import type { Selector } from '../selector.js'
import { ctDirections } from '../symbols.js'

export type CtDirection = 'original' | 'reply'

type Entry = readonly [number, string | (() => Datatype)]

const counter = () => plainInteger(8, 'host')
const zone = () => plainInteger(2, 'host')
const helper = shortText('string', 5, 16)

/** Of a connection as a whole. */
const whole = {
  state: [c.NFT_CT_STATE, 'ct_state'],
  direction: [c.NFT_CT_DIRECTION, 'ct_dir'],
  status: [c.NFT_CT_STATUS, 'ct_status'],
  mark: [c.NFT_CT_MARK, 'mark'],
  helper: [c.NFT_CT_HELPER, () => helper],
  zone: [c.NFT_CT_ZONE, zone],
  id: [c.NFT_CT_ID, () => plainInteger(4)],
  l3proto: [c.NFT_CT_L3PROTOCOL, 'nf_proto'],
  protocol: [c.NFT_CT_PROTOCOL, 'inet_proto'],
  packets: [c.NFT_CT_PKTS, counter],
  bytes: [c.NFT_CT_BYTES, counter],
  avgpkt: [c.NFT_CT_AVGPKT, counter],
} as const satisfies Record<string, Entry>

/** Of one direction of it. */
const directed = {
  'ip saddr': [c.NFT_CT_SRC_IP, 'ipv4_addr'],
  'ip daddr': [c.NFT_CT_DST_IP, 'ipv4_addr'],
  'ip6 saddr': [c.NFT_CT_SRC_IP6, 'ipv6_addr'],
  'ip6 daddr': [c.NFT_CT_DST_IP6, 'ipv6_addr'],
  'proto-src': [c.NFT_CT_PROTO_SRC, 'inet_service'],
  'proto-dst': [c.NFT_CT_PROTO_DST, 'inet_service'],
  packets: [c.NFT_CT_PKTS, counter],
  bytes: [c.NFT_CT_BYTES, counter],
  avgpkt: [c.NFT_CT_AVGPKT, counter],
  zone: [c.NFT_CT_ZONE, zone],
} as const satisfies Record<string, Entry>

export type CtKey = keyof typeof whole
export type CtDirectedKey = keyof typeof directed

const made = new Map<string, Selector>()

/**
 * Always the same object for the same words. Ports mean something only where the rule has matched a transport protocol:
 * nft insists on that, the kernel does not.
 */
export function ct(key: CtKey): Selector
export function ct(key: CtDirectedKey, direction: CtDirection): Selector
export function ct(name: string, direction?: CtDirection): Selector {
  const text = direction === undefined ? `ct ${name}` : `ct ${direction} ${name}`
  const known = made.get(text)
  if (known !== undefined) return known
  const table: Readonly<Record<string, Entry>> = direction === undefined ? whole : directed
  const entry = Object.hasOwn(table, name) ? table[name] : undefined
  if (entry === undefined) throw new RangeError(`no such selector: ${text}`)
  const [key, type] = entry
  const way = direction === undefined ? {} : { direction: ctDirections[direction]! }
  const selector: Selector = {
    text,
    type: typeof type === 'string' ? datatype(type) : type(),
    load: { kind: 'ct', key, ...way },
  }
  made.set(text, selector)
  return selector
}

/** All of them. */
export function ctSelectors(): Selector[] {
  const keys = Object.keys(directed) as CtDirectedKey[]
  return [
    ...(Object.keys(whole) as CtKey[]).map(key => ct(key)),
    ...(['original', 'reply'] as const).flatMap(direction => keys.map(key => ct(key, direction))),
  ]
}
