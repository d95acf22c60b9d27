// What the kernel knows of a packet beside its bytes. nft(8): "META EXPRESSIONS".
import * as c from '../../../wire/nft/constants.js'
import { type Datatype, hex, integer } from '../datatype.js'
import { datatype, plainInteger } from '../datatypes.js'
import type { Selector } from '../selector.js'

const host4 = () => plainInteger(4, 'host')

/** By nft's name: the kernel's key, and the type. */
const keys = {
  length: [c.NFT_META_LEN, host4],
  protocol: [c.NFT_META_PROTOCOL, 'ether_type'],
  priority: [c.NFT_META_PRIORITY, 'classid'],
  mark: [c.NFT_META_MARK, 'mark'],
  iif: [c.NFT_META_IIF, 'iface_index'],
  oif: [c.NFT_META_OIF, 'iface_index'],
  iifname: [c.NFT_META_IIFNAME, 'ifname'],
  oifname: [c.NFT_META_OIFNAME, 'ifname'],
  iiftype: [c.NFT_META_IFTYPE, 'iface_type'],
  oiftype: [c.NFT_META_OIFTYPE, 'iface_type'],
  skuid: [c.NFT_META_SKUID, 'uid'],
  skgid: [c.NFT_META_SKGID, 'gid'],
  nftrace: [c.NFT_META_NFTRACE, () => plainInteger(1, 'host')],
  rtclassid: [c.NFT_META_RTCLASSID, 'realm'],
  nfproto: [c.NFT_META_NFPROTO, 'nf_proto'],
  l4proto: [c.NFT_META_L4PROTO, 'inet_proto'],
  ibrname: [c.NFT_META_BRI_IIFNAME, 'ifname'],
  obrname: [c.NFT_META_BRI_OIFNAME, 'ifname'],
  pkttype: [c.NFT_META_PKTTYPE, 'pkt_type'],
  cpu: [c.NFT_META_CPU, host4],
  iifgroup: [c.NFT_META_IIFGROUP, 'devgroup'],
  oifgroup: [c.NFT_META_OIFGROUP, 'devgroup'],
  cgroup: [c.NFT_META_CGROUP, host4],
  random: [c.NFT_META_PRANDOM, () => integer('integer', 4, 4, 'network', hex)],
  ibrpvid: [c.NFT_META_BRI_IIFPVID, () => plainInteger(2, 'host')],
  sdif: [c.NFT_META_SDIF, 'iface_index'],
  sdifname: [c.NFT_META_SDIFNAME, 'ifname'],
} as const satisfies Record<string, readonly [number, string | (() => Datatype)]>

export type MetaKey = keyof typeof keys

/** These go without the word `meta`. */
const unqualified: ReadonlySet<string> = new Set(['iif', 'oif', 'iifname', 'oifname', 'iifgroup', 'oifgroup'])

const made = new Map<MetaKey, Selector>()

/** Always the same object for a key. */
export function meta(name: MetaKey): Selector {
  const known = made.get(name)
  if (known !== undefined) return known
  const [key, type] = keys[name]
  const selector: Selector = {
    text: unqualified.has(name) ? name : `meta ${name}`,
    type: typeof type === 'string' ? datatype(type) : type(),
    load: { kind: 'meta', key },
  }
  made.set(name, selector)
  return selector
}

/** All of them. */
export function metaSelectors(): Selector[] {
  return (Object.keys(keys) as MetaKey[]).map(meta)
}
