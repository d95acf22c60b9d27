// Step: published ports are reachable from the host itself at 127.0.0.1 and [::1], and from their own container. See ADR 7.
// Behind the steps that make the guard and the links: what this one turns on may not be on without the guard.
import type { JsonObject } from '../../cni/call.js'
import type { Step } from '../../cni/steps.js'
import type { Attached } from '../attached.js'
import { usesLocalnet, usesLoop } from '../localhost/entries.js'
import { checkHairpin, hasHairpin, resetHairpin, setHairpin } from '../localhost/hairpin.js'
import { checkLoop, ensureLoop } from '../localhost/loop-links.js'
import {
  checkRouteLocalnet,
  enableRouteLocalnet,
  resetRouteLocalnet,
  routeLocalnet,
} from '../localhost/route-localnet.js'
import { sweepShared } from '../localhost/sweep.js'
import type { PublishConfig } from '../portmap/config.js'

interface LocalhostFacts {
  /** The interface that gets route_localnet; what to set again at DEL, where the interface is this attachment's alone and stays. */
  readonly localnet?: { readonly ifname: string; readonly before?: string }
  readonly loop?: true
  /** The bridge port that gets hairpin mode from us. `before`: it had it. */
  readonly hairpin?: { readonly ifname: string; readonly before: boolean }
}

export interface LocalhostStepOptions<S> {
  /** Undefined where no port is published. */
  publishOf(state: S): PublishConfig | undefined
  /** True where the links were made by an earlier plugin: they stay at DEL, and get hairpin mode here. */
  readonly chained: boolean
}

export function localhostStep<S extends Attached>({ publishOf, chained }: LocalhostStepOptions<S>): Step<S> {
  const factsOf = (state: S) => plan(state, publishOf(state)!, chained)
  return {
    name: 'localhost',

    wanted: state => publishOf(state)?.snat === true,

    plan: state => (state.addressed ? (factsOf(state) as unknown as JsonObject) : undefined),

    apply(state) {
      const { kernel } = state.host
      const publish = publishOf(state)!
      if (usesLocalnet(state, publish)) enableRouteLocalnet(kernel, state.l3Ifname)
      if (usesLoop(state, publish)) ensureLoop(kernel)
      if (chained && state.bridged) setHairpin(kernel, state.hostIfname, true)
    },

    undo({ facts, host }) {
      const { localnet, hairpin } = (facts ?? {}) as unknown as LocalhostFacts
      if (hairpin && !hairpin.before) resetHairpin(host.kernel, hairpin.ifname)
      if (localnet?.before !== undefined) resetRouteLocalnet(host.kernel, localnet.ifname, localnet.before)
    },

    check({ host: { kernel } }, facts) {
      const { localnet, loop, hairpin } = (facts ?? {}) as unknown as LocalhostFacts
      if (localnet) checkRouteLocalnet(kernel, localnet.ifname)
      if (loop) checkLoop(kernel)
      if (hairpin) checkHairpin(kernel, hairpin.ifname)
    },

    gc: ({ call, host }) => sweepShared(call, host),
  }
}

function plan(state: Attached, publish: PublishConfig, chained: boolean): LocalhostFacts {
  const { host, l3Ifname, hostIfname, bridged } = state
  const before = chained && !bridged ? routeLocalnet(host.kernel, l3Ifname) : undefined
  return {
    ...(usesLocalnet(state, publish) && {
      localnet: { ifname: l3Ifname, ...(before !== undefined && { before }) },
    }),
    ...(usesLoop(state, publish) && { loop: true }),
    ...(chained &&
      bridged && { hairpin: { ifname: hostIfname, before: hasHairpin(host.kernel, hostIfname) } }),
  }
}
