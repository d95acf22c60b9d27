// ptp: a veth pair between the container and the host, with no bridge: each container is routed by an address of its own.
// Keys and behaviour of the reference plugin of the same name; see docs/plugins/ptp.md for the differences.
import * as v from 'valibot'
import { attachmentKey, type Call } from '../cni/call.js'
import { CniCode, CniError } from '../cni/error.js'
import { allVersions, type Host } from '../cni/plugin.js'
import type { ResultIp } from '../cni/result.js'
import { decode, flag, integer, oneOf } from '../cni/schema.js'
import { stepPlugin } from '../cni/steps.js'
import { Prefix } from '../wire/ip.js'
import type { Mac } from '../wire/mac.js'
import { RT_SCOPE_LINK } from '../wire/route/constants.js'
import type { Route } from '../wire/route/route.js'
import { dnsSchema, ipamSchema, requestedMac } from './config.js'
import { type InlineConfig, inlineConfig } from './inline.js'
import { hostIfname, routeProtocol } from './names.js'
import { type AttachState, attachmentResult, beginAttachment, closeState, hostInterface } from './state.js'
import { inlineBandwidthStep } from './steps/bandwidth.js'
import { hostRouteStep } from './steps/host-route.js'
import { inlineGuardStep, inlineLocalhostStep, inlinePassageStep } from './steps/inline.js'
import { interfaceStep, type Reach } from './steps/interface.js'
import { ipamStep } from './steps/ipam.js'
import { inlineSysctlStep } from './steps/sysctl.js'
import { vethStep } from './steps/veth.js'

const schema = v.object({
  ipMasq: v.optional(flag(), false),
  ipMasqBackend: v.exactOptional(oneOf(['iptables', 'nftables'])),
  mtu: v.optional(integer(0, 65535), 0),
  ipam: ipamSchema,
  dns: v.exactOptional(dnsSchema),
})

export interface PtpConfig extends v.InferOutput<typeof schema>, InlineConfig {
  readonly mac: Mac | undefined
  readonly enableDad: false
  readonly disableContainerInterface: false
  readonly macspoofchk: false
  readonly needsGateway: true
}

function parse(call: Call): PtpConfig {
  const keys = decode(schema, call.config.raw, '')
  if (keys.ipam.type === '')
    throw new CniError(
      CniCode.invalidConfig,
      'missing value for "ipam.type"',
      'ptp routes addresses: it needs an IPAM',
    )
  return {
    ...keys,
    ...inlineConfig(call),
    mac: requestedMac(call),
    enableDad: false,
    disableContainerInterface: false,
    macspoofchk: false,
    needsGateway: true,
  }
}

function begin(call: Call, config: PtpConfig, host: Host): AttachState<PtpConfig> {
  return beginAttachment(call, config, host, hostIfname(attachmentKey(call)))
}

/** Everything goes via the gateway, the container's own subnet too: there is nobody else on the link. */
const viaGateway: Reach = {
  prefixRoute: false,
  routesBefore: (ips, oif) => unique(ips.flatMap(ip => routesToGateway(ip, oif))),
}

/** Addresses of one subnet share its routes. */
function unique(routes: readonly Route[]): Route[] {
  return routes.filter((route, i) => routes.findIndex(other => other.dst.equals(route.dst)) === i)
}

function routesToGateway({ address, gateway }: ResultIp, oif: number): Route[] {
  if (!gateway) return [] // not so: see `needsGateway`
  const toGateway: Route = {
    dst: Prefix.host(gateway),
    oif,
    protocol: routeProtocol,
    ...(gateway.family === 4 && { scope: RT_SCOPE_LINK, src: address.ip }),
  }
  if (address.length === address.ip.bytes.length * 8) return [toGateway]
  return [toGateway, { dst: address.network(), oif, protocol: routeProtocol, gateway, src: address.ip }]
}

export const ptp = stepPlugin<PtpConfig, AttachState<PtpConfig>>({
  type: 'ptp',
  about: 'Plumbline ptp: connects a container to the host by a pair of routed interfaces',
  versions: allVersions,
  parse,
  begin,
  steps: [
    ipamStep,
    inlinePassageStep,
    inlineGuardStep,
    vethStep,
    inlineBandwidthStep,
    hostRouteStep,
    inlineLocalhostStep,
    inlineSysctlStep,
    interfaceStep(viaGateway),
  ],
  result: state => attachmentResult(state, [hostInterface(state)]),
  end: closeState,
})
