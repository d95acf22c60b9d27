// Names and numbers by which our kernel objects are known. All of them derive from the product's name or from
// (network, container ID, ifname), so that DEL and GC find an attachment's objects even with no record left.
import type { AttachmentKey } from '../cni/call.js'
import { hash64, shortHash } from '../cni/hash.js'
import { Mac } from '../wire/mac.js'

/** Interface group (IFLA_GROUP) of every link we make: 'pl' in ASCII. */
export const linkGroup = 0x706c

/** Route protocol (RTPROT) of every route we make, on the host and in containers: 'p' in ASCII. */
export const routeProtocol = 0x70

/** Name of our nftables tables, one per family. */
export const nftTable = 'plumbline'

/**
 * Host end of an attachment's veth pair: a prefix that says how it is guarded, 4 characters of the network, 8 of the attachment.
 * `pls…` ports may send from their own MAC only (one static rule matches the prefix); `plv…` are plain.
 */
export function hostIfname(key: AttachmentKey, options: { spoofcheck?: boolean } = {}): string {
  const prefix = options.spoofcheck ? 'pls' : 'plv'
  return prefix + shortHash(key.network, 4) + shortHash(keyText(key), 8)
}

/** The names that the host end of an attachment may have. */
export function hostIfnames(key: AttachmentKey): [plain: string, guarded: string] {
  return [hostIfname(key), hostIfname(key, { spoofcheck: true })]
}

/** What all host ends of one network have in common after the three characters of the prefix. */
export function networkMark(network: string): string {
  return shortHash(network, 4)
}

export function isHostIfname(name: string, network?: string): boolean {
  return (
    /^pl[sv][a-z2-7]{12}$/.test(name) && (network === undefined || name.startsWith(networkMark(network), 3))
  )
}

/** The ifb through which an attachment's outgoing packets are shaped. */
export function ifbIfname(key: AttachmentKey): string {
  return `plb${shortHash(key.network, 4)}${shortHash(keyText(key), 8)}`
}

export function isIfbIfname(name: string, network: string): boolean {
  return /^plb[a-z2-7]{12}$/.test(name) && name.startsWith(networkMark(network), 3)
}

/** A stable, locally administered, unicast MAC address for one end of an attachment (or for a bridge). */
export function stableMac(text: string): Mac {
  const [high, low] = hash64(text)
  const bytes = Uint8Array.of(high >>> 24, high >>> 16, high >>> 8, high, low >>> 8, low)
  bytes[0] = (bytes[0]! & 0xfc) | 0x02
  return new Mac(bytes)
}

export function keyText(key: AttachmentKey): string {
  return `${key.network}/${key.containerId}/${key.ifname}`
}
