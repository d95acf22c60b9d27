// Which option a kernel was built without, when it does not know a kind of link, qdisc, class or filter.
import { KernelError } from '../error.js'

const LINKS: Readonly<Record<string, string>> = {
  bond: 'CONFIG_BONDING',
  bridge: 'CONFIG_BRIDGE',
  dummy: 'CONFIG_DUMMY',
  geneve: 'CONFIG_GENEVE',
  gre: 'CONFIG_NET_IPGRE',
  ifb: 'CONFIG_IFB',
  ip6tnl: 'CONFIG_IPV6_TUNNEL',
  ipip: 'CONFIG_NET_IPIP',
  ipvlan: 'CONFIG_IPVLAN',
  macvlan: 'CONFIG_MACVLAN',
  macvtap: 'CONFIG_MACVTAP',
  netkit: 'CONFIG_NETKIT',
  sit: 'CONFIG_IPV6_SIT',
  veth: 'CONFIG_VETH',
  vlan: 'CONFIG_VLAN_8021Q',
  vrf: 'CONFIG_NET_VRF',
  vxlan: 'CONFIG_VXLAN',
  wireguard: 'CONFIG_WIREGUARD',
}

/** Qdiscs that are not CONFIG_NET_SCH_ and their name. */
const QDISCS: Readonly<Record<string, string>> = {
  bfifo: 'CONFIG_NET_SCHED',
  clsact: 'CONFIG_NET_SCH_INGRESS',
  pfifo: 'CONFIG_NET_SCHED',
}

const FILTERS: Readonly<Record<string, string>> = { fw: 'CONFIG_NET_CLS_FW', route: 'CONFIG_NET_CLS_ROUTE4' }

const HINTS = {
  link: (kind: string) => LINKS[kind],
  qdisc: (kind: string) => QDISCS[kind] ?? `CONFIG_NET_SCH_${kind.toUpperCase()}`,
  filter: (kind: string) => FILTERS[kind] ?? `CONFIG_NET_CLS_${kind.toUpperCase()}`,
}

/** Runs `call`; when the kernel answers that it does not know `kind`, the error says which option it lacks. */
export function needingOption<T>(object: keyof typeof HINTS, kind: string | undefined, call: () => T): T {
  const option = kind === undefined ? undefined : HINTS[object](kind)
  return option === undefined ? call() : hinting(`this kernel may lack ${option}`, isUnknownKind, call)
}

/** The same for VLANs of bridges; that answer comes without a text. */
export function needingVlanFiltering<T>(call: () => T): T {
  return hinting('this kernel lacks CONFIG_BRIDGE_VLAN_FILTERING', ({ code }) => code === 'EOPNOTSUPP', call)
}

function hinting<T>(hint: string, applies: (error: KernelError) => boolean, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof KernelError) || error.hint !== undefined || !applies(error)) throw error
    const { operation, target, errno, extack, offset, missingType, index } = error
    throw new KernelError(operation, target, errno, { extack, offset, missingType, index, hint })
  }
}

/** "Unknown device type", "Specified qdisc kind is unknown", "TC classifier not found". */
function isUnknownKind({ code, extack }: KernelError): boolean {
  return (code === 'EOPNOTSUPP' || code === 'ENOENT') && /unknown|not found/i.test(extack ?? '')
}
