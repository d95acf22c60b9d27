// The keys of bandwidth, in a configuration of its own (chained), under `bandwidth` in that of the plugin that makes the interface
// (inline), or from the runtime. CONVENTIONS.md of CNI, "bandwidth": rates in bits a second, bursts in bits.
import * as v from 'valibot'
import type { Call } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { decode, integer, invalidValue } from '../../cni/schema.js'

/** One direction's limit. */
export interface Limit {
  /** Bytes a second. */
  readonly rate: number
  /** How many bytes may go at once after a pause; by default as many as the rate needs. */
  readonly burst?: number | undefined
}

export interface BandwidthConfig {
  /** To the container. At least one of the two is there. */
  readonly ingress?: Limit
  /** From the container. */
  readonly egress?: Limit
  /** What is not done as it was asked for, for the log. */
  readonly warnings: readonly string[]
}

const keys = v.object({
  ingressRate: v.exactOptional(integer(0)),
  ingressBurst: v.exactOptional(integer(0)),
  egressRate: v.exactOptional(integer(0)),
  egressBurst: v.exactOptional(integer(0)),
})

const nested = v.object({ bandwidth: v.exactOptional(keys) })

type Keys = v.InferOutput<typeof keys>

/** Where a limit was written, for errors: '' or 'bandwidth.'. */
interface Source {
  readonly prefix: string
  readonly keys: Keys
}

/** The kernel counts a bucket's bytes in 32 bits. */
const BURST_BYTES_END = 2 ** 32

/** A bucket that lasts longer than this is no limit any more. Runtimes that were told none pass 2^31 - 1 bits. */
const MAX_BURST_SECONDS = 1
const CAPPED_BURST_SECONDS = 0.1

/**
 * What a configuration asks for; undefined where nothing is limited. `runtimeConfig.bandwidth` counts where there is no static key.
 * Throws CniError 7 that names key and value.
 */
export function bandwidthConfig(call: Call, where: 'chained' | 'inline'): BandwidthConfig | undefined {
  const source = staticSource(call, where) ?? runtimeSource(call)
  if (!source) return undefined
  const warnings: string[] = []
  const ingress = limitOf(source, 'ingress', warnings)
  const egress = limitOf(source, 'egress', warnings)
  if (!ingress && !egress) return undefined
  return { ...(ingress && { ingress }), ...(egress && { egress }), warnings }
}

function staticSource(call: Call, where: 'chained' | 'inline'): Source | undefined {
  if (where === 'chained') return sourceOf('', decode(keys, call.config.raw, ''))
  return sourceOf('bandwidth.', decode(nested, call.config.raw, '').bandwidth)
}

function runtimeSource(call: Call): Source | undefined {
  const { bandwidth } = decode(nested, call.config.runtimeConfig, 'runtimeConfig')
  return sourceOf('runtimeConfig.bandwidth.', bandwidth)
}

function sourceOf(prefix: string, found: Keys | undefined): Source | undefined {
  return found && Object.keys(found).length > 0 ? { prefix, keys: found } : undefined
}

function limitOf(
  { prefix, keys }: Source,
  direction: 'ingress' | 'egress',
  warnings: string[],
): Limit | undefined {
  const rateKey = `${prefix}${direction}Rate`
  const burstKey = `${prefix}${direction}Burst`
  const rateBits = keys[`${direction}Rate`] ?? 0
  const burstBits = keys[`${direction}Burst`] ?? 0
  if (rateBits === 0 && burstBits > 0)
    throw new CniError(
      CniCode.invalidConfig,
      `${JSON.stringify(burstKey)} is ${burstBits}, but there is no ${JSON.stringify(rateKey)}`,
      'a burst is what may exceed the rate: give both, or the rate alone',
    )
  if (rateBits === 0) return undefined
  if (rateBits < 8) throw invalidValue(rateKey, '0, or at least 8 bits a second', rateBits)
  const rate = Math.floor(rateBits / 8)
  const burst = Math.floor(burstBits / 8)
  if (burst >= BURST_BYTES_END) throw invalidValue(burstKey, 'less than 4 GiB, in bits', burstBits)
  if (burst === 0) return { rate }
  if (burst <= rate * MAX_BURST_SECONDS) return { rate, burst }
  const capped = Math.ceil(rate * CAPPED_BURST_SECONDS)
  warnings.push(
    `${burstKey} of ${burstBits} bits is more than ${rateKey} passes in a second; using ${capped * 8}`,
  )
  return { rate, burst: capped }
}
