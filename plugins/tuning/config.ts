// The keys of tuning, from all places where they may stand: the configuration, then CNI_ARGS (MAC), then runtimeConfig (mac), then
// args.cni, the later over the earlier.
import * as v from 'valibot'
import { parseArgs } from '../../cni/args.js'
import type { Call } from '../../cni/call.js'
import { decode, flag, integer, parsed, text } from '../../cni/schema.js'
import { Mac } from '../../wire/mac.js'
import { type SysctlConfig, tuningSysctlConfig } from './sysctl-config.js'

/** Attributes of the container's interface that are to be changed; what is not named stays as it is. */
export interface LinkWishes {
  readonly mac?: string
  readonly promisc?: true
  readonly mtu?: number
  readonly allmulti?: boolean
  readonly txQLen?: number
}

export interface TuningConfig {
  readonly sysctl?: SysctlConfig
  readonly link: LinkWishes
}

/** An empty one asks for nothing. */
const mac = parsed<Mac | ''>(value => {
  if (value === '') return ''
  const mac = Mac.tryParse(value)
  return mac?.isUnicast() ? mac : undefined
}, 'the MAC address of one interface (no group address, not all zero)')

const attributes = {
  mac: v.exactOptional(mac),
  promisc: v.exactOptional(flag()),
  mtu: v.exactOptional(integer(0, 65535)),
  allmulti: v.exactOptional(flag()),
  txQLen: v.exactOptional(integer(0, 0xffffffff)),
}

const schema = v.object({ ...attributes, dataDir: v.exactOptional(text()) })
const argsSchema = v.object({ cni: v.exactOptional(v.object(attributes)) })
const runtimeSchema = v.object({ mac: attributes.mac })

/** Throws CniError 7 (CNI_ARGS: 4, too) that names key and value. CNI_ARGS may hold what an IPAM takes, too. */
export function tuningConfig(call: Call): TuningConfig {
  const { raw, runtimeConfig, args } = call.config
  const variable = parseArgs(call.args, ['MAC', 'IP', 'GATEWAY']).get('MAC')
  const fromEnv = variable ? decode(mac, variable, 'CNI_ARGS MAC') : undefined
  const fromRuntime = decode(runtimeSchema, runtimeConfig, 'runtimeConfig').mac || undefined
  const asked = {
    ...decode(schema, raw, ''),
    ...(fromEnv && { mac: fromEnv }),
    ...(fromRuntime && { mac: fromRuntime }),
    ...decode(argsSchema, args, 'args').cni,
  }
  const sysctl = tuningSysctlConfig(call)
  return { link: linkWishes(asked), ...(sysctl && { sysctl }) }
}

/** Where the reference plugin sees nothing to do there is nothing to do: an empty mac, an mtu of 0, a promisc that is false. */
function linkWishes({ mac, promisc, mtu, allmulti, txQLen }: v.InferOutput<typeof schema>): LinkWishes {
  return {
    ...(mac instanceof Mac && { mac: mac.toString() }),
    ...(promisc && { promisc }),
    ...(mtu && { mtu }),
    ...(allmulti !== undefined && { allmulti }),
    ...(txQLen !== undefined && { txQLen }),
  }
}
