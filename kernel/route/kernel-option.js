// Which option a kernel was built without, when it does not know a kind of link, qdisc, class or filter.
import { KernelError } from '../error.js'

const LINKS = {
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
const QDISCS = {
  bfifo: 'CONFIG_NET_SCHED',
  clsact: 'CONFIG_NET_SCH_INGRESS',
  pfifo: 'CONFIG_NET_SCHED',
}
const FILTERS = { fw: 'CONFIG_NET_CLS_FW', route: 'CONFIG_NET_CLS_ROUTE4' }
const HINTS = {
  link: kind => LINKS[kind],
  qdisc: kind => QDISCS[kind] ?? `CONFIG_NET_SCH_${kind.toUpperCase()}`,
  filter: kind => FILTERS[kind] ?? `CONFIG_NET_CLS_${kind.toUpperCase()}`,
}
/** Runs `call`; when the kernel answers that it does not know `kind`, the error says which option it lacks. */
export function needingOption(object, kind, call) {
  try {
    return call()
  } catch (error) {
    if (kind === undefined || !(error instanceof KernelError) || !isUnknownKind(error)) throw error
    const option = HINTS[object](kind)
    throw option === undefined ? error : withHint(error, `this kernel may lack ${option}`)
  }
}
export function withHint(error, hint) {
  const { operation, target, errno, extack, offset, missingType, index } = error
  return new KernelError(operation, target, errno, { extack, offset, missingType, index, hint })
}
/** "Unknown device type", "Specified qdisc kind is unknown", "TC classifier not found". */
function isUnknownKind({ code, extack }) {
  return (code === 'EOPNOTSUPP' || code === 'ENOENT') && /unknown|not found/i.test(extack ?? '')
}
//# sourceMappingURL=kernel-option.js.map
