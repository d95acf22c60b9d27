// The step engine. A plugin is an ordered list of steps; the verbs are walks over it:
// ADD forward (and back from the step that failed), DEL backward, CHECK and STATUS over all, GC backward for every
// attachment that is not valid. Because `undo` knows only the record and what can be derived from the key,
// rollback, DEL and GC are one code path. See docs/architecture.md.
import type { AttachmentKey, Call, JsonObject, Netns } from './call.js'
import { attachmentKey } from './call.js'
import { runDir } from './directories.js'
import { CniCode, CniError } from './error.js'
import { messageOf } from './failure.js'
import { type FaultVerb, faultPoint } from './fault.js'
import type { Host, Plugin } from './plugin.js'
import { type AttachmentRecord, RecordStore } from './record.js'
import type { Result } from './result.js'
import { printResult } from './result-print.js'

/** What `undo` may use. */
export interface Undo {
  readonly key: AttachmentKey
  readonly call: Call
  readonly host: Host
  /** What this step's `plan` said at ADD; undefined when there is no record (then derive, and tolerate). */
  readonly facts: JsonObject | undefined
  /** The ADD's configuration where there is a record, else this call's. */
  readonly config: JsonObject
  /** CNI_ARGS, from the record or the call. */
  readonly args: string
  /** True when a record says that the step may have run; false when nothing is known. */
  readonly recorded: boolean
  /** True when the record says that ADD came to its end: what is on record was made, and nobody was in its way. */
  readonly attached: boolean
  /** The attachment's namespace, when this call brought it. */
  readonly netns: Netns | undefined
}

/** What `gc` of a step sweeps: things of this network without a record. */
export interface Sweep {
  readonly network: string
  readonly call: Call
  readonly host: Host
  readonly config: JsonObject
  /** The attachments that must stay. */
  readonly valid: readonly AttachmentKey[]
}

/** One thing that a plugin makes. `S` is the plugin's state of one ADD or CHECK, built up by the steps in order. */
export interface Step<S> {
  readonly name: string
  /** False when this configuration has no use for the step. Default: true. An attachment that has no use for any leaves no record. */
  wanted?(state: S): boolean
  /**
   * What `apply` will make, in words that `undo` can use; on record before `apply` runs. Undefined while not yet known. What `apply`
   * adds to the object is on record once ADD has succeeded.
   */
  plan?(state: S): JsonObject | undefined
  apply(state: S): void | Promise<void>
  /** Tolerates that little, or nothing, of it was done; not asked when `apply` threw a CleanFailure. */
  undo?(undo: Undo): void | Promise<void>
  /** Throws a CniError that names what is not as `facts` (what `plan` put on record) say; changes nothing. */
  check?(state: S, facts: JsonObject | undefined): void | Promise<void>
  /** Throws CniError 50 or 51 when `apply` could not work now. */
  status?(call: Call, config: JsonObject, host: Host): void | Promise<void>
  gc?(sweep: Sweep): void | Promise<void>
}

/** Thrown by `apply` in place of `error`: whatever it had made, it has taken back itself. */
export class CleanFailure extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super(messageOf(error))
    this.error = error
  }
}

export interface StepPlugin<Config, S> extends Pick<Plugin<Config>, 'type' | 'about' | 'versions' | 'parse'> {
  readonly steps: readonly Step<S>[]
  /** State at the start of an ADD or CHECK. Touches nothing. */
  begin(call: Call, config: Config, host: Host): S
  /** Releases what `begin` or a step holds open. */
  end?(state: S): void
  result(state: S): Result
}

/** Makes the verbs of a plugin out of its steps. */
export function stepPlugin<Config, S>(description: StepPlugin<Config, S>): Plugin<Config> {
  const { type, about, versions, steps } = description
  return {
    type,
    about,
    steps: steps.map(step => step.name),
    versions,
    parse: call => description.parse(call),
    add: (call, config, host) => add(description, call, config, host),
    async del(call, _config, host) {
      const records = new RecordStore(runDir(call.env))
      const key = attachmentKey(call)
      const record = records.read(key, type)
      await undoAll(steps, 'DEL', call, host, key, record)
      records.remove(key, type)
    },
    async check(call, config, host) {
      const records = new RecordStore(runDir(call.env))
      const record = records.read(attachmentKey(call), type)
      await withState(description, call, config, host, async state => {
        const wanted = steps.filter(step => step.wanted?.(state) !== false)
        if (record === undefined && wanted.length > 0) throw notOnRecord(call, type)
        for (const step of wanted)
          await around(call, 'CHECK', step.name, () => step.check?.(state, record?.facts[step.name]))
      })
    },
    gc: (call, _config, host) => gc(type, steps, call, host),
    async status(call, _config, host) {
      try {
        new RecordStore(runDir(call.env)).probe()
      } catch (error) {
        throw new CniError(
          CniCode.notAvailable,
          `run directory ${runDir(call.env)} is not writable`,
          messageOf(error),
        )
      }
      for (const step of steps) await step.status?.(call, call.config.raw, host)
    },
  }
}

async function add<Config, S>(
  description: StepPlugin<Config, S>,
  call: Call,
  config: Config,
  host: Host,
): Promise<Result> {
  const { type, steps } = description
  const records = new RecordStore(runDir(call.env))
  const key = attachmentKey(call)
  await makeWay(steps, records, type, call, host, key)
  return withState(description, call, config, host, async state => {
    const wanted = steps.filter(step => step.wanted?.(state) !== false)
    if (call.env.PLUMBLINE_FAULT === 'list')
      call.log.print(`plumbline-steps: ${wanted.map(s => s.name).join(' ')}`)
    if (wanted.length === 0) return description.result(state)
    let record: AttachmentRecord = {
      format: 1,
      ...key,
      plugin: type,
      state: 'adding',
      netns: { path: call.netns!.path, dev: call.netns!.identity.dev, ino: call.netns!.identity.ino },
      config: call.config.raw,
      args: call.args,
      steps: wanted.map(step => step.name),
      facts: {},
      createdAt: new Date().toISOString(),
    }
    let onRecord = false
    const begun: string[] = []
    try {
      for (const step of wanted) {
        begun.push(step.name)
        const facts = newFacts(wanted, record, state)
        if (facts || !onRecord) {
          record = { ...record, facts: { ...record.facts, ...facts } }
          records.write(record)
          onRecord = true
        }
        await around(call, 'ADD', step.name, () => step.apply(state))
      }
      const result = description.result(state)
      records.write({ ...record, state: 'attached', result: printResult(result, '1.1.0') })
      return result
    } catch (error) {
      // A step that found somebody else's in its place has made nothing, and must not take that away.
      const clean = error instanceof CleanFailure || isAlreadyAttached(error)
      if (clean) begun.pop()
      if (onRecord) await rollback(steps, records, { ...record, steps: begun }, call, host, key)
      throw error instanceof CleanFailure ? error.error : error
    }
  })
}

/** Refuses a second ADD of a live attachment; clears away what an ADD that was killed, or an earlier life of the container, left. */
async function makeWay<S>(
  steps: readonly Step<S>[],
  records: RecordStore,
  type: string,
  call: Call,
  host: Host,
  key: AttachmentKey,
): Promise<void> {
  const old = records.read(key, type)
  if (!old) return
  const sameNetns = old.netns.ino === call.netns!.identity.ino && old.netns.dev === call.netns!.identity.dev
  if (old.state === 'attached' && sameNetns)
    throw new CniError(
      CniCode.alreadyAttached,
      `${describeKey(key)} is attached already`,
      'a second ADD needs a DEL before it',
    )
  call.log.warn('clearing away an earlier attachment of the same name', { state: old.state, sameNetns })
  await undoAll(steps, 'ROLLBACK', call, host, key, old)
  records.remove(key, type)
}

/** The plans that have become known since they were last asked for; asking early saves writes of the record. */
function newFacts<S>(
  wanted: readonly Step<S>[],
  record: AttachmentRecord,
  state: S,
): Record<string, JsonObject> | undefined {
  let facts: Record<string, JsonObject> | undefined
  for (const step of wanted) {
    if (!step.plan || record.facts[step.name]) continue
    const planned = step.plan(state)
    if (planned) facts = { ...facts, [step.name]: planned }
  }
  return facts
}

async function rollback<S>(
  steps: readonly Step<S>[],
  records: RecordStore,
  record: AttachmentRecord,
  call: Call,
  host: Host,
  key: AttachmentKey,
): Promise<void> {
  try {
    await undoAll(steps, 'ROLLBACK', call, host, key, record)
    records.remove(key, record.plugin)
  } catch (error) {
    // The record stays, so that the DEL which follows a failed ADD, or GC, finishes the work.
    call.log.error('rollback is incomplete; DEL or GC will finish it', { error: messageOf(error) })
  }
}

/** Backward over the steps; goes on after an error, and reports all of them at the end. */
async function undoAll<S>(
  steps: readonly Step<S>[],
  verb: FaultVerb,
  call: Call,
  host: Host,
  key: AttachmentKey,
  record: AttachmentRecord | undefined,
): Promise<void> {
  const errors: unknown[] = []
  for (const step of steps.toReversed()) {
    if (!step.undo || (record && !record.steps.includes(step.name))) continue
    const undo: Undo = {
      key,
      call,
      host,
      facts: record?.facts[step.name],
      config: record?.config ?? call.config.raw,
      args: record?.args ?? call.args,
      recorded: record !== undefined,
      attached: record?.state === 'attached',
      netns: call.netns,
    }
    try {
      await around(call, verb, step.name, () => step.undo?.(undo))
    } catch (error) {
      errors.push(error)
    }
  }
  throwAll(errors, `${verb === 'GC' ? 'GC' : 'DEL'} of ${describeKey(key)}`)
}

async function gc<S>(type: string, steps: readonly Step<S>[], call: Call, host: Host): Promise<void> {
  const records = new RecordStore(runDir(call.env))
  const network = call.config.name
  const valid = new Set(call.validAttachments.map(a => `${a.containerId}@${a.ifname}`))
  const errors: unknown[] = []
  for (const record of records.list(network, type)) {
    if (valid.has(`${record.containerId}@${record.ifname}`)) continue
    const key = { network, containerId: record.containerId, ifname: record.ifname }
    try {
      await undoAll(steps, 'GC', call, host, key, record)
      records.remove(key, type)
    } catch (error) {
      errors.push(error)
    }
  }
  const sweep: Sweep = {
    network,
    call,
    host,
    config: call.config.raw,
    valid: call.validAttachments.map(a => ({ network, ...a })),
  }
  for (const step of steps.toReversed()) {
    try {
      await step.gc?.(sweep)
    } catch (error) {
      errors.push(error)
    }
  }
  if (valid.size === 0) records.removeNetwork(network)
  throwAll(errors, `GC of network ${network}`)
}

function notOnRecord(call: Call, type: string): CniError {
  return new CniError(
    CniCode.checkFailed,
    `no record of attachment ${describeKey(attachmentKey(call))} by ${type}`,
    'it was not made by this plugin since the last boot; delete the attachment and add it again',
  )
}

async function withState<Config, S, T>(
  description: StepPlugin<Config, S>,
  call: Call,
  config: Config,
  host: Host,
  work: (state: S) => Promise<T>,
): Promise<T> {
  const state = description.begin(call, config, host)
  try {
    return await work(state)
  } finally {
    description.end?.(state)
  }
}

async function around(
  call: Call,
  verb: FaultVerb,
  step: string,
  work: () => void | Promise<void> | undefined,
): Promise<void> {
  faultPoint(call.env, verb, step, 'before')
  await work()
  faultPoint(call.env, verb, step, 'after')
}

function isAlreadyAttached(error: unknown): boolean {
  return error instanceof CniError && error.code === CniCode.alreadyAttached
}

function throwAll(errors: readonly unknown[], what: string): void {
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, `${what}: ${errors.map(messageOf).join('; ')}`)
}

/** `network/containerID/ifname`, as errors name an attachment. */
export function describeKey(key: AttachmentKey): string {
  return `${key.network}/${key.containerId}/${key.ifname}`
}
