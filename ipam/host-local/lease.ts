// What a lease file is called and what it says, as the reference plugin's disk store has it: the name is the
// address, the text is `<container ID>\r\n<ifname>`; very old versions wrote the container ID alone.
import { Ip } from '../../wire/ip.js'

/** Who holds an address. Old leases know no ifname. */
export interface Owner {
  readonly containerId: string
  readonly ifname?: string | undefined
}

export function leaseText(owner: Owner): string {
  return owner.ifname === undefined ? owner.containerId : `${owner.containerId}\r\n${owner.ifname}`
}

/**
 * Reads a lease. 'free' is a file that says nothing (its writer was killed, or its block never reached the disk);
 * 'reserved' one that names no container: somebody has put it there to keep the address out of use.
 */
export function parseLease(text: string): Owner | 'free' | 'reserved' {
  const trimmed = text.trim()
  const match = /^([^\s\0-\x1f\x7f]+)(?:\r?\n([^\s\0-\x1f\x7f/]+))?$/.exec(trimmed)
  if (match) return { containerId: match[1]!, ifname: match[2] }
  return trimmed === '' || /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(trimmed) ? 'free' : 'reserved'
}

export function sameOwner(a: Owner, b: Owner): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname
}

/**
 * The address a file name stands for; undefined for all other files (`lock`, `last_reserved_ip.0`, ours).
 * Only the canonical form counts: no version has ever written another.
 */
export function parseLeaseName(name: string): Ip | undefined {
  if (!/^[0-9a-f:]/.test(name)) return undefined
  const ip = Ip.tryParse(name)
  return ip !== undefined && (ip.family === 4 || ip.toString() === name) ? ip : undefined
}
