// Step: kernel settings of the container's namespace. What they were is on record before they change, and afterwards what the
// kernel has made of them: it rounds times to its ticks, and merges lists.
import type { Call } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { messageOf } from '../../cni/failure.js'
import type { Step, Undo } from '../../cni/steps.js'
import { isErrno, KernelError } from '../../kernel/error.js'
import { Sysctl } from '../../kernel/sysctl.js'
import type { Attached } from '../attached.js'
import { type AttachState, birthName, type CommonConfig, checkFailed } from '../state.js'
import { requireAllowed } from '../tuning/allowlist.js'
import { sysctlRefusal } from '../tuning/refusal.js'
import {
  isSame,
  OtherWishes,
  type SettingFacts,
  type SysctlFacts,
  sysctlFacts,
  sysctlStepName,
} from '../tuning/shared.js'
import {
  type SysctlConfig,
  type SysctlWish,
  sysctlConfig,
  tuningSysctlConfig,
} from '../tuning/sysctl-config.js'
import { pathOfInterface } from '../tuning/sysctl-key.js'

export interface SysctlStepConfig {
  readonly sysctl?: SysctlConfig | undefined
}

export type SysctlStepState = Attached & { readonly config: SysctlStepConfig }

/** Behind a plugin that has made the interface. */
export const sysctlStep = stepFor<SysctlStepState>({
  configOf: tuningSysctlConfig,
  isThere: () => true,
  pathOf: (_state, wish) => wish.path,
})

/**
 * In the plugin that makes the interface: behind the step that makes it and before the one that brings it up, perhaps by another
 * name. The interface's settings come and go with it.
 */
export const inlineSysctlStep = stepFor<AttachState<CommonConfig & SysctlStepConfig>>({
  configOf: sysctlConfig,
  isThere: wish => !wish.own,
  pathOf: (state, wish) => (wish.own ? pathOfInterface(wish.path, birthName(state)) : wish.path),
})

interface Use<S> {
  configOf(call: Call): SysctlConfig | undefined
  /** True for settings that exist already when the verb begins. */
  isThere(wish: SysctlWish): boolean
  /** Where the setting is written. */
  pathOf(state: S, wish: SysctlWish): string
}

function stepFor<S extends SysctlStepState>({ configOf, isThere, pathOf }: Use<S>): Step<S> {
  const planned = new WeakMap<S, SysctlFacts>()
  return {
    name: sysctlStepName,

    wanted: ({ config }) => config.sysctl !== undefined,

    plan(state) {
      const { call, config, netns } = state
      requireAllowed(call, config.sysctl!)
      const { dev, ino } = netns.identity
      const facts = { netns: { dev, ino }, settings: settingsOf(state, config.sysctl!, isThere) }
      planned.set(state, facts)
      return facts
    },

    apply(state) {
      const wishes = state.config.sysctl!
      const path = (wish: SysctlWish) => pathOf(state, wish)
      let reached: (string | undefined)[]
      try {
        reached = new Sysctl(state.netns.fd).update(wishes.map(wish => [path(wish), wish.value]))
      } catch (error) {
        throw sysctlRefusal(error, wishes, path)
      }
      for (const [i, setting] of planned.get(state)!.settings.entries())
        if (reached[i] !== undefined) setting.reached = reached[i]
    },

    undo: restore,

    check(state, facts) {
      const faults = faultsOf(state, sysctlFacts(facts)?.settings ?? [])
      if (faults.length > 0) throw checkFailed(faults.join('; '))
    },

    status(call) {
      try {
        requireAllowed(call, configOf(call) ?? [])
      } catch (error) {
        const { message, details } = error as CniError
        throw error instanceof CniError ? new CniError(CniCode.notAvailable, message, details) : error
      }
    },
  }
}

/** Read before anything is changed; a setting that there is not, is refused then. */
function settingsOf(
  state: SysctlStepState,
  wishes: SysctlConfig,
  isThere: (wish: SysctlWish) => boolean,
): SettingFacts[] {
  const there = wishes.filter(isThere)
  const values = new Sysctl(state.netns.fd).getAll(there.map(wish => wish.path))
  const fault = values.find(value => value instanceof KernelError && !isUnreadable(value))
  if (fault) throw sysctlRefusal(fault, wishes)
  const others = wishes.some(wish => !wish.own) ? OtherWishes.of(state) : undefined
  return wishes.map(({ path, value, own }, i) => {
    const before = (own ? undefined : others?.origin(path)) ?? values[there.indexOf(wishes[i]!)]
    return { path, value, ...(typeof before === 'string' && { before }) }
  })
}

/** Settings that can only be written, and the secret that is only shown once it is set. */
function isUnreadable(value: unknown): boolean {
  return isErrno(value, 'EACCES', 'EIO')
}

/** What is as ADD left it goes back; what somebody has changed since is theirs. After an ADD that failed, all of it goes back. */
function restore(undo: Undo): void {
  const { netns, call } = undo
  const facts = sysctlFacts(undo.facts)
  if (!facts || !netns || !isSame(facts.netns, netns.identity)) return
  const settings = facts.settings.filter(setting => setting.before !== undefined).toReversed()
  const sysctl = new Sysctl(netns.fd)
  const present = sysctl.getAll(settings.map(setting => setting.path))
  if (settings.length === 0) return
  const others = OtherWishes.of({ ...undo, netns })
  for (const [i, { path, before, reached }] of settings.entries()) {
    const value = present[i]!
    const wanted = others.value(path) ?? before!
    if (typeof value !== 'string' || value === wanted || (reached !== undefined && value !== reached))
      continue
    try {
      sysctl.update([[path, wanted]])
    } catch (error) {
      if (isErrno(error, 'ENOENT')) continue
      call.log.warn('a setting could not be restored', { path, value: wanted, error: messageOf(error) })
    }
  }
}

function faultsOf(state: SysctlStepState, settings: readonly SettingFacts[]): string[] {
  const wishes = state.config.sysctl!
  const values = new Sysctl(state.netns.fd).getAll(wishes.map(wish => wish.path))
  let others: OtherWishes | undefined
  return wishes.flatMap((wish, i) => {
    const value = values[i]!
    const recorded = settings.find(setting => setting.path === wish.path)
    const wanted = recorded ? recorded.reached : wish.value
    if (wanted === undefined || value === wanted) return []
    const subject = `sysctl ${wish.key} in ${state.netns.path}`
    if (value instanceof KernelError) return [`${subject} can't be read: ${value.code}`]
    if (!wish.own) {
      others ??= OtherWishes.of(state)
      if (others.value(wish.path) === value) return []
    }
    return [`${subject} is ${JSON.stringify(value)}, not ${JSON.stringify(wanted)}`]
  })
}
