// `sysctl`: kernel settings that a configuration asks for, for the container's namespace.
import * as v from 'valibot'
import type { Call, JsonValue } from '../../cni/call.js'
import { CniCode, CniError } from '../../cni/error.js'
import { canonicalKey, isJsonObject, keyIndex } from '../../cni/fold.js'
import { keysAt } from '../../cni/json-keys.js'
import { decode, invalidValue } from '../../cni/schema.js'
import { parseSysctlKey, type SysctlKey } from './sysctl-key.js'

export interface SysctlWish extends SysctlKey {
  /** As the configuration has it. */
  readonly key: string
  readonly value: string
}

/**
 * In the order of writing, for one setting may change others: first those of the whole namespace, then those of the interface, which
 * are more particular; else as the configuration has them.
 */
export type SysctlConfig = readonly SysctlWish[]

/**
 * The key `sysctl` of a plugin that takes it beside its own; undefined when it asks for nothing. Throws CniError 7 that names key and
 * value.
 */
export function sysctlConfig(call: Call): SysctlConfig | undefined {
  const { sysctl } = decode(schema, call.config.raw, '')
  return inOrder(wishesOf(call, sysctl, ['sysctl']))
}

/** The same, with those of `args.cni.sysctl` over it: tuning's own. */
export function tuningSysctlConfig(call: Call): SysctlConfig | undefined {
  const args = decode(argsSchema, call.config.args, 'args').cni?.sysctl
  const over = wishesOf(call, args, ['args', 'cni', 'sysctl'])
  const under = sysctlConfig(call) ?? []
  const replaced = under.map(wish => over.find(other => other.path === wish.path) ?? wish)
  return inOrder([...replaced, ...over.filter(wish => !replaced.includes(wish))])
}

// Not v.record, which drops keys such as __proto__ in silence.
const sysctls = v.exactOptional(v.unknown())
const schema = v.object({ sysctl: sysctls })
const argsSchema = v.object({ cni: v.exactOptional(v.object({ sysctl: sysctls })) })

function inOrder(wishes: SysctlConfig): SysctlConfig | undefined {
  if (wishes.length === 0) return undefined
  return [...wishes.filter(wish => !wish.own), ...wishes.filter(wish => wish.own)]
}

function wishesOf(call: Call, settings: unknown, at: readonly string[]): SysctlConfig {
  if (settings === undefined) return []
  const where = at.join('.')
  if (!isJsonObject(settings)) throw invalidValue(where, 'an object', settings)
  requireOnce(call, at)
  const wishes = Object.entries(settings).flatMap(([key, value]): SysctlWish[] =>
    value === null
      ? []
      : [{ ...parseSysctlKey(key, call.ifname, where), key, value: line(value, where, key) }],
  )
  const byPath = new Map<string, SysctlWish>()
  for (const wish of wishes) {
    const other = byPath.get(wish.path)
    if (other) throw duplicated(`${where} names ${wish.path} twice: as "${other.key}" and as "${wish.key}"`)
    byPath.set(wish.path, wish)
  }
  return wishes
}

/** A value is written as a line. */
function line(value: JsonValue, where: string, key: string): string {
  const subject = `${where}[${JSON.stringify(key)}]`
  if (typeof value !== 'string') throw invalidValue(subject, 'a string', value)
  if (!/^[\t\x20-\x7e]*$/.test(value)) throw invalidValue(subject, 'one line of ASCII', value)
  return value
}

/** Looks at the text, where there is one: by now only the last of several has survived. */
function requireOnce({ config }: Call, at: readonly string[]): void {
  if (config.text === undefined) return
  const own = at.at(-1)!
  const objects = keysAt(config.text, at.slice(0, -1)).filter(
    key => canonicalKey(keyIndex([own]), key) === own,
  )
  if (objects.length > 1) throw duplicated(`${at.join('.')} itself stands there ${objects.length} times`)
  const keys = keysAt(config.text, at)
  const repeated = keys.find((key, i) => keys.indexOf(key) < i)
  if (repeated !== undefined)
    throw duplicated(`${at.join('.')} has ${JSON.stringify(repeated)} more than once`)
}

function duplicated(details: string): CniError {
  return new CniError(CniCode.invalidConfig, 'duplicated sysctl keys are not allowed', details)
}
