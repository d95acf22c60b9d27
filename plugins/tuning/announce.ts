// A new MAC address that neighbours learn of at once. They know the container's IP addresses by the old one, until they ask again;
// the kernel tells them of a change where arp_notify (IPv4) and ndisc_notify (IPv6) are on. Documentation/networking/ip-sysctl.rst
import type { Namespace } from '../../kernel/namespace.js'
import { Mac } from '../../wire/mac.js'
import type { Link } from '../../wire/route/link.js'

/** Sets a link's MAC address, with both switches on meanwhile. */
export function changeMac(
  inside: Namespace,
  { index, name }: Pick<Link, 'index' | 'name'>,
  mac: string,
): void {
  const paths = [`net/ipv4/conf/${name}/arp_notify`, `net/ipv6/conf/${name}/ndisc_notify`]
  const values = inside.sysctl.getAll(paths)
  const off = paths.filter((_, i) => values[i] === '0')
  inside.sysctl.setAll(off.map(path => [path, 1]))
  try {
    inside.link.set({ index, address: Mac.parse(mac) })
  } finally {
    inside.sysctl.setAll(off.map(path => [path, 0]))
  }
}
