// Step: addresses, from the IPAM that the configuration names. First to be made and last to be undone, so that no address
// is given to somebody else while the old interface still has it.
import type { Call } from '../../cni/call.js'
import { delegateIpam } from '../../cni/delegate.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { ResultIp, ResultRoute } from '../../cni/result.js'
import { CleanFailure, type Step, type Undo } from '../../cni/steps.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { ipamOf } from '../config.js'
import { type AttachState, addressesKnown, type CommonConfig } from '../state.js'

export interface IpamStepConfig extends CommonConfig {
  readonly ipam?: { readonly type: string }
  /** Wins over the IPAM's as a whole, when any of it is set. */
  readonly dns?: object
  /** Add a default route via the gateway to each family that has none. */
  readonly isDefaultGateway?: boolean
  /** Work out the gateway of a subnet as its first address where the IPAM names none. */
  readonly isGateway?: boolean
  /** Refuse an address without a gateway. */
  readonly needsGateway?: boolean
}

export const ipamStep: Step<AttachState<IpamStepConfig>> = {
  name: 'ipam',

  wanted: state => state.config.ipam !== undefined,

  async apply(state) {
    const { config } = state
    const result = await state.lease!().catch(error => {
      throw new CleanFailure(error) // the IPAM's own DEL has been run
    })
    if (result.ips.length === 0)
      throw new CniError(CniCode.delegateFailed, `IPAM plugin "${config.ipam?.type}" returned no addresses`)
    state.ips = config.isGateway ? result.ips.map(withGateway) : result.ips
    if (config.isGateway || config.needsGateway) requireGateways(state.ips)
    state.routes = config.isDefaultGateway ? withDefaultRoutes(result.routes, state.ips) : result.routes
    if (!config.dns || Object.keys(config.dns).length === 0) state.dns = result.dns
    addressesKnown(state)
  },

  async undo(undo) {
    const ipam = ipamOf(undo.config)
    if (ipam) await delegateIpam(callOf(undo), ipam, undo.host, 'DEL')
  },

  async check(state) {
    await delegateIpam(state.call, state.config.ipam!, state.host, 'CHECK')
    takePrevious(state)
  },

  async status(call, config, host) {
    const ipam = ipamOf(config)
    if (ipam) await delegateIpam(call, ipam, host, 'STATUS')
  },

  async gc({ call, host, config }) {
    const ipam = ipamOf(config)
    if (ipam) await delegateIpam(call, ipam, host, 'GC')
  },
}

/** The call of the attachment that is being undone, which GC did not come with. */
function callOf(undo: Undo): Call {
  const { call, key, config, args } = undo
  return {
    ...call,
    verb: 'DEL',
    containerId: key.containerId,
    ifname: key.ifname,
    args,
    config: { ...call.config, raw: config },
  }
}

/** For CHECK: what the container should have is what ADD had answered for it. */
function takePrevious(state: AttachState<IpamStepConfig>): void {
  const { call, key } = state
  const previous = call.prevResult!
  const own = previous.interfaces.findIndex(i => i.name === key.ifname && i.sandbox)
  state.ips = previous.ips.filter(ip => ip.interface === undefined || ip.interface === own)
  state.routes = previous.routes
  state.addressed = true
}

function requireGateways(ips: readonly ResultIp[]): void {
  for (const { address, gateway } of ips) {
    if (!gateway)
      throw new CniError(
        CniCode.invalidConfig,
        `the IPAM named no gateway for ${address}`,
        'give the range, or the address, a "gateway"',
      )
    if (gateway.equals(address.ip))
      throw new CniError(
        CniCode.invalidConfig,
        `${gateway} can not be both the container's address and the gateway's, which is the host's`,
        'give the container another address, or name another "gateway"',
      )
  }
}

function withGateway(ip: ResultIp): ResultIp {
  return ip.gateway ? ip : { ...ip, gateway: ip.address.first().add(1) }
}

function withDefaultRoutes(routes: readonly ResultRoute[], ips: readonly ResultIp[]): ResultRoute[] {
  const all = [...routes]
  for (const { address, gateway } of ips) {
    const dst = address.family === 4 ? anyIpv4 : anyIpv6
    if (gateway && !all.some(route => route.dst.equals(dst))) all.push({ dst, gw: gateway })
  }
  return all
}

const anyIpv4 = Prefix.parse('0.0.0.0/0')
const anyIpv6 = new Prefix(new Ip(new Uint8Array(16)), 0)
