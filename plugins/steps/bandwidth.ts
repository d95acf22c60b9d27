// Step: the limits of what goes to the container and of what comes from it.
import type { JsonObject } from '../../cni/call.js'
import { runDir } from '../../cni/directories.js'
import { CniCode, CniError } from '../../cni/error.js'
import type { Result, ResultInterface } from '../../cni/result.js'
import type { Step } from '../../cni/steps.js'
import type { Attached } from '../attached.js'
import type { BandwidthConfig, Limit } from '../bandwidth/config.js'
import { type BandwidthFacts, bandwidthFacts, bandwidthStepName, factsJson } from '../bandwidth/facts.js'
import { installLimits } from '../bandwidth/install.js'
import { missingOptions } from '../bandwidth/probe.js'
import { recordedIfbs } from '../bandwidth/recorded.js'
import { type Shape, shapeOf } from '../bandwidth/shape.js'
import { ifbMac } from '../bandwidth/shaper.js'
import { uninstallLimits } from '../bandwidth/uninstall.js'
import { limitsFault } from '../bandwidth/verify.js'
import type { ChainState } from '../chained.js'
import { ifbIfname, isIfbIfname, linkGroup } from '../names.js'
import { type AttachState, checkFailed } from '../state.js'

export interface BandwidthStepConfig {
  readonly bandwidth?: BandwidthConfig | undefined
}

type Limited = Attached & { readonly config: BandwidthStepConfig }

/** MTU of a veth that nobody has given one. */
const DEFAULT_MTU = 1500

/** Behind a plugin that has made the interface. */
export const bandwidthStep: Step<ChainState<BandwidthStepConfig>> = {
  ...stepFor<ChainState<BandwidthStepConfig>>({
    mtuOf: ({ hostLink }) => hostLink.mtu,
    comesUp: false,
    wants: () => true,
  }),
  undo: undo => uninstallLimits(undo, bandwidthFacts(undo.facts)),
}

const inlineStep = stepFor<AttachState<BandwidthStepConfig>>({
  mtuOf: ({ mtu }) => mtu || DEFAULT_MTU,
  comesUp: true,
  wants: config => Object.keys(config).some(key => key.toLowerCase() === 'bandwidth'),
})

/**
 * In the plugin that makes the interface, behind the step that does and leaves the host end down: this one brings it up, for a qdisc
 * on a link that is up costs a wait for RCU. What it makes is undone with the interface.
 */
export const inlineBandwidthStep: Step<AttachState<BandwidthStepConfig>> = {
  ...inlineStep,
  // CHECK compares with the record: somebody may have given limits since.
  wanted: state => state.call.verb === 'CHECK' || inlineStep.wanted!(state),
  async apply(state) {
    await inlineStep.apply(state)
    state.moreInterfaces.push(...ifbOf(state))
  },
}

/** The result of a chained plugin: what came, and the ifb. */
export function limitedResult(state: ChainState<BandwidthStepConfig>): Result {
  const { previous } = state
  return { ...previous, interfaces: [...previous.interfaces, ...ifbOf(state)] }
}

function ifbOf({ config, key }: Limited): ResultInterface[] {
  const name = ifbIfname(key)
  return config.bandwidth?.egress ? [{ name, mac: ifbMac(name).toString() }] : []
}

interface Use<S> {
  /** MTU of the host end. */
  mtuOf(state: S): number
  /** True where the step brings the host end up. */
  readonly comesUp: boolean
  /** False when a configuration can ask for no limits; it need not be valid. */
  wants(config: JsonObject): boolean
}

function stepFor<S extends Limited>({ mtuOf, comesUp, wants }: Use<S>): Step<S> {
  const planned = new WeakMap<S, BandwidthFacts>()
  return {
    name: bandwidthStepName,

    wanted: ({ config }) => config.bandwidth !== undefined,

    plan(state) {
      const facts = factsOf(state, mtuOf(state))
      planned.set(state, facts)
      return factsJson(facts)
    },

    async apply(state) {
      const { call, config, host } = state
      const facts = planned.get(state)!
      for (const warning of [...config.bandwidth!.warnings, ...raised(config.bandwidth!, facts)])
        call.log.warn(warning)
      const index = host.kernel.link.index(facts.end)
      if (index === undefined) throw checkFailed(`host interface ${facts.end} is gone`)
      facts.fair = await installLimits(state, facts, { index, mtu: facts.mtu }, comesUp)
    },

    check({ host }, json) {
      const facts = bandwidthFacts(json)
      const fault = facts && limitsFault(host.kernel, facts)
      if (fault !== undefined) throw checkFailed(fault)
    },

    status(call, config) {
      if (!wants(config)) return
      const missing = missingOptions(runDir(call.env))
      if (missing.length > 0)
        throw new CniError(
          CniCode.notAvailable,
          `the kernel can't limit rates: it lacks ${missing.join(', ')}`,
          'leave out the limits, or use another kernel',
        )
    },

    /** The ifbs of this network that no record knows: left where the run directory was lost. */
    async gc({ call, host, network, valid }) {
      const keep = new Set([...valid.map(ifbIfname), ...recordedIfbs(call)])
      const orphans = host.kernel.link
        .list({ group: linkGroup, kind: 'ifb' })
        .filter(({ name }) => isIfbIfname(name, network) && !keep.has(name))
      await host.reaper.removedAll(orphans.map(({ index }) => index))
    },
  }
}

function factsOf({ hostIfname, key, config }: Limited, mtu: number): BandwidthFacts {
  const { ingress, egress } = config.bandwidth!
  return {
    end: hostIfname,
    mtu,
    ...(ingress && { ingress: shapeOf(ingress, mtu) }),
    ...(egress && { egress: shapeOf(egress, mtu), ifb: ifbIfname(key) }),
  }
}

/** Bursts that were asked for and would let no packet pass. */
function raised({ ingress, egress }: BandwidthConfig, facts: BandwidthFacts): string[] {
  const warn = (what: string, limit: Limit | undefined, shape: Shape | undefined) =>
    limit?.burst !== undefined && shape && shape.burst > limit.burst
      ? [`${what} of ${limit.burst * 8} bits is less than a packet; using ${shape.burst * 8}`]
      : []
  return [...warn('ingressBurst', ingress, facts.ingress), ...warn('egressBurst', egress, facts.egress)]
}
