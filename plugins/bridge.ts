// bridge: a veth pair between the container and a bridge of the host. Keys and behaviour of the reference plugin of
// the same name; see docs/plugins/bridge.md for the differences.
import * as v from 'valibot'
import { attachmentKey, type Call } from '../cni/call.js'
import { CniCode, CniError } from '../cni/error.js'
import { allVersions, type Host } from '../cni/plugin.js'
import { decode, flag, integer, oneOf } from '../cni/schema.js'
import { stepPlugin } from '../cni/steps.js'
import type { Mac } from '../wire/mac.js'
import { dnsSchema, ifnameText, ipamSchema, isIfname, requestedMac } from './config.js'
import { type InlineConfig, inlineConfig, inlinePort } from './inline.js'
import { hostIfname } from './names.js'
import { type AttachState, attachmentResult, beginAttachment, closeState, hostInterface } from './state.js'
import { inlineBandwidthStep } from './steps/bandwidth.js'
import { bridgeStep } from './steps/bridge.js'
import {
  bridgeVlanStep,
  hasVlanGateway,
  type VlanRange,
  vlanInterface,
  vlanTrunkSchema,
} from './steps/bridge-vlan.js'
import { inlineGuardStep, inlineLocalhostStep, inlinePassageStep } from './steps/inline.js'
import { interfaceStep, onLink } from './steps/interface.js'
import { ipamStep } from './steps/ipam.js'
import { inlineSysctlStep } from './steps/sysctl.js'
import { vethStep } from './steps/veth.js'

const schema = v.object({
  bridge: v.optional(ifnameText(), 'cni0'),
  isGateway: v.optional(flag(), false),
  isDefaultGateway: v.optional(flag(), false),
  forceAddress: v.optional(flag(), false),
  ipMasq: v.optional(flag(), false),
  ipMasqBackend: v.exactOptional(oneOf(['iptables', 'nftables'])),
  mtu: v.optional(integer(0, 65535), 0),
  hairpinMode: v.optional(flag(), false),
  promiscMode: v.optional(flag(), false),
  vlan: v.optional(integer(0, 4094), 0),
  vlanTrunk: v.optional(vlanTrunkSchema, []),
  preserveDefaultVlan: v.optional(flag(), false),
  macspoofchk: v.optional(flag(), false),
  enabledad: v.optional(flag(), false),
  disableContainerInterface: v.optional(flag(), false),
  portIsolation: v.optional(flag(), false),
  ipam: v.exactOptional(ipamSchema),
  dns: v.exactOptional(dnsSchema),
})

export interface BridgeConfig
  extends Omit<v.InferOutput<typeof schema>, 'vlanTrunk' | 'enabledad'>,
    InlineConfig {
  readonly mac: Mac | undefined
  readonly enableDad: boolean
  readonly vlanTrunk: readonly VlanRange[]
  readonly vlanFiltering: boolean
  readonly port?: { readonly hairpin?: boolean; readonly isolated?: boolean }
}

function parse(call: Call): BridgeConfig {
  const { vlanTrunk, enabledad, ipam, ...keys } = decode(schema, call.config.raw, '')
  if (keys.hairpinMode && keys.promiscMode)
    throw refused('"hairpinMode" and "promiscMode" can not both be true', 'choose one of them')
  if (keys.disableContainerInterface && ipam?.type)
    throw refused(
      '"disableContainerInterface": true can not be combined with "ipam"',
      'an interface that stays down takes no address',
    )
  const isGateway = keys.isGateway || keys.isDefaultGateway
  if (hasVlanGateway({ ...keys, isGateway }) && !isIfname(vlanInterface(keys)))
    throw refused(
      `"${vlanInterface(keys)}" is too long a name for the gateway of VLAN ${keys.vlan}`,
      'choose a shorter name under the key "bridge"',
    )
  const inline = inlineConfig(call)
  const port = {
    ...(keys.hairpinMode && { hairpin: true }),
    ...(keys.portIsolation && { isolated: true }),
    ...inlinePort(inline),
  }
  return {
    ...keys,
    ...inline,
    ...(ipam?.type && { ipam }),
    isGateway,
    enableDad: enabledad,
    vlanTrunk,
    vlanFiltering: keys.vlan > 0 || vlanTrunk.length > 0,
    mac: requestedMac(call),
    ...(Object.keys(port).length > 0 && { port }),
  }
}

function begin(call: Call, config: BridgeConfig, host: Host): AttachState<BridgeConfig> {
  return beginAttachment(
    call,
    config,
    host,
    hostIfname(attachmentKey(call), { spoofcheck: config.macspoofchk }),
    hasVlanGateway(config) ? vlanInterface(config) : config.bridge,
  )
}

export const bridge = stepPlugin<BridgeConfig, AttachState<BridgeConfig>>({
  type: 'bridge',
  about: 'Plumbline bridge: connects a container to a bridge of the host',
  versions: allVersions,
  parse,
  begin,
  steps: [
    ipamStep,
    bridgeStep,
    inlinePassageStep,
    inlineGuardStep,
    vethStep,
    inlineBandwidthStep,
    bridgeVlanStep,
    inlineLocalhostStep,
    inlineSysctlStep,
    interfaceStep(onLink),
  ],
  result: state =>
    attachmentResult(state, [
      { name: state.config.bridge, ...(state.bridge?.address && { mac: state.bridge.address.toString() }) },
      hostInterface(state),
    ]),
  end: closeState,
})

function refused(msg: string, details: string): CniError {
  return new CniError(CniCode.invalidConfig, msg, details)
}
