// Connection tracking. nft(8): "CONNTRACK EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import { type Datatype, shortText } from '../datatype.js'
import { datatype, plainInteger } from '../datatypes.js'
import { define, type Selector } from '../selector.js'
import { ctDirections } from '../symbols.js'

export type CtDirection = 'original' | 'reply'

const counter = plainInteger(8, 'host')

/** Of a connection as a whole. */
const whole = {
  state: [c.NFT_CT_STATE, 'ct_state'],
  direction: [c.NFT_CT_DIRECTION, 'ct_dir'],
  status: [c.NFT_CT_STATUS, 'ct_status'],
  mark: [c.NFT_CT_MARK, 'mark'],
  helper: [c.NFT_CT_HELPER, shortText('string', 5, 16)],
  zone: [c.NFT_CT_ZONE, plainInteger(2, 'host')],
  id: [c.NFT_CT_ID, plainInteger(4)],
  l3proto: [c.NFT_CT_L3PROTOCOL, 'nf_proto'],
  protocol: [c.NFT_CT_PROTOCOL, 'inet_proto'],
  packets: [c.NFT_CT_PKTS, counter],
  bytes: [c.NFT_CT_BYTES, counter],
  avgpkt: [c.NFT_CT_AVGPKT, counter],
} as const satisfies Record<string, readonly [number, string | Datatype]>

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
  zone: [c.NFT_CT_ZONE, plainInteger(2, 'host')],
} as const satisfies Record<string, readonly [number, string | Datatype]>

export type CtKey = keyof typeof whole
export type CtDirectedKey = keyof typeof directed

const selectors = new Map<string, Selector>()

function add(name: string, key: number, type: string | Datatype, direction?: CtDirection): void {
  const text = direction === undefined ? `ct ${name}` : `ct ${direction} ${name}`
  const way = direction === undefined ? {} : { direction: ctDirections[direction]! }
  const resolved = typeof type === 'string' ? datatype(type) : type
  selectors.set(text, define({ text, type: resolved, load: { kind: 'ct', key, ...way } }))
}

for (const [name, [key, type]] of Object.entries(whole)) add(name, key, type)
for (const direction of ['original', 'reply'] as const)
  for (const [name, [key, type]] of Object.entries(directed)) add(name, key, type, direction)

/** Ports mean something only where the rule has matched a transport protocol: nft insists on that, the kernel does not. */
export function ct(key: CtKey): Selector
export function ct(key: CtDirectedKey, direction: CtDirection): Selector
export function ct(key: string, direction?: CtDirection): Selector {
  const text = direction === undefined ? `ct ${key}` : `ct ${direction} ${key}`
  const selector = selectors.get(text)
  if (selector === undefined) throw new RangeError(`no such selector: ${text}`)
  return selector
}
