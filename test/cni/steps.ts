// The step engine: walks, rollback, records, and the property that a failed ADD leaves the world as it was.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Call, Verb } from '../../cni/call.js'
import { CniError } from '../../cni/error.js'
import { createLogger } from '../../cni/log.js'
import { allVersions, type Host, type Plugin } from '../../cni/plugin.js'
import { RecordStore } from '../../cni/record.js'
import { type Step, stepPlugin } from '../../cni/steps.js'

const runDir = mkdtempSync(join(tmpdir(), 'plumbline-steps-'))
t.teardown(() => rmSync(runDir, { recursive: true, force: true }))

/** The world that the steps of these tests change: names of things, each owned by an attachment. */
type World = Set<string>

interface State {
  readonly call: Call
  number?: number
}

function worldly(
  world: World,
  calls: string[],
  options: { failApply?: string; failUndo?: string; failWith?: Error } = {},
): Plugin {
  const step = (name: string): Step<State> => ({
    name,
    plan: state =>
      name === 'c' && state.number === undefined ? undefined : { thing: `${name}/${state.call.containerId}` },
    apply(state) {
      calls.push(`apply ${name}`)
      if (name === 'b') state.number = 7
      world.add(`${name}/${state.call.containerId}`)
      if (options.failApply === name) throw options.failWith ?? new Error(`${name} failed half-way`)
    },
    undo({ key, facts, recorded }) {
      calls.push(`undo ${name}${recorded ? '' : ' (derived)'}`)
      if (options.failUndo === name) throw new Error(`${name} can't be undone`)
      world.delete((facts?.thing as string | undefined) ?? `${name}/${key.containerId}`)
    },
    check(state) {
      if (!world.has(`${name}/${state.call.containerId}`)) throw new CniError(100, `${name} is gone`)
    },
    gc({ valid }) {
      for (const thing of world)
        if (thing.startsWith(`${name}/`) && !valid.some(key => thing === `${name}/${key.containerId}`))
          world.delete(thing)
    },
  })
  return stepPlugin<undefined, State>({
    type: 'worldly',
    about: '',
    versions: allVersions,
    parse: () => undefined,
    begin: call => ({ call }),
    steps: ['a', 'b', 'c', 'd'].map(step),
    result: () => ({ interfaces: [], ips: [], routes: [], dns: {} }),
  })
}

const host = {} as Host
let network = 0

function makeCall(verb: Verb, name: string, more: Partial<Call> = {}): Call {
  const env = { PLUMBLINE_RUN_DIR: runDir, PLUMBLINE_LOG: 'error' }
  return {
    verb,
    plugin: 'worldly',
    containerId: 'c1',
    ifname: 'eth0',
    netns: { path: '/run/netns/x', fd: -1, identity: { dev: 4, ino: 4711 } },
    netnsPath: '/run/netns/x',
    args: '',
    path: [],
    env,
    config: {
      cniVersion: '1.1.0',
      name,
      type: 'worldly',
      runtimeConfig: {},
      args: {},
      raw: { name, type: 'worldly' },
    },
    validAttachments: [],
    log: createLogger(env, () => {}),
    ...more,
  }
}

const records = (name: string): string[] => {
  try {
    return readdirSync(join(runDir, 'attachments', name))
  } catch {
    return []
  }
}

t.test('ADD walks forward and DEL backward', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  const calls: string[] = []
  const plugin = worldly(world, calls)
  await plugin.add(makeCall('ADD', name), undefined, host)
  t.strictSame(calls.splice(0), ['apply a', 'apply b', 'apply c', 'apply d'])
  t.strictSame(records(name), ['c1@eth0.worldly.json'])
  const record = new RecordStore(runDir).read({ network: name, containerId: 'c1', ifname: 'eth0' }, 'worldly')
  t.match(record, { state: 'attached', steps: ['a', 'b', 'c', 'd'], facts: { c: { thing: 'c/c1' } } })
  await plugin.check(makeCall('CHECK', name), undefined, host)
  await plugin.del(makeCall('DEL', name), undefined, host)
  t.strictSame(calls.splice(0), ['undo d', 'undo c', 'undo b', 'undo a'])
  t.equal(world.size, 0)
  t.strictSame(records(name), [])
  await plugin.del(makeCall('DEL', name), undefined, host)
  t.strictSame(calls, ['undo d (derived)', 'undo c (derived)', 'undo b (derived)', 'undo a (derived)'])
})

t.test('whichever step fails, the world is as before', async t => {
  for (const failApply of ['a', 'b', 'c', 'd']) {
    const name = `net${network++}`
    const world: World = new Set(['other'])
    const plugin = worldly(world, [], { failApply })
    await t.rejects(plugin.add(makeCall('ADD', name), undefined, host), {
      message: `${failApply} failed half-way`,
    })
    t.strictSame([...world], ['other'], `after step ${failApply} failed`)
    t.strictSame(records(name), [])
  }
})

t.test('faults injected before and after each step roll back as well', async t => {
  for (const step of ['a', 'b', 'c', 'd'])
    for (const when of ['before', 'after']) {
      const name = `net${network++}`
      const world: World = new Set()
      const env = { PLUMBLINE_RUN_DIR: runDir, PLUMBLINE_FAULT: `ADD:${step}:${when}:fail` }
      await t.rejects(
        worldly(world, []).add(makeCall('ADD', name, { env }), undefined, host),
        /fault injected/,
      )
      t.equal(world.size, 0, `${when} ${step}`)
      t.strictSame(records(name), [])
    }
})

t.test('a rollback that fails keeps the record, and DEL finishes it', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  const broken = worldly(world, [], { failApply: 'd', failUndo: 'b' })
  await t.rejects(broken.add(makeCall('ADD', name), undefined, host), { message: 'd failed half-way' })
  t.strictSame([...world], ['b/c1'], 'the other steps were undone all the same')
  t.equal(records(name).length, 1)
  await worldly(world, []).del(makeCall('DEL', name), undefined, host)
  t.equal(world.size, 0)
  t.equal(records(name).length, 0)
})

t.test('DEL goes on after an error, and reports it', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  await worldly(world, []).add(makeCall('ADD', name), undefined, host)
  await t.rejects(
    worldly(world, [], { failUndo: 'c' }).del(makeCall('DEL', name), undefined, host),
    /c can't be undone/,
  )
  t.strictSame([...world], ['c/c1'])
  t.equal(records(name).length, 1, 'the record stays for the next try')
})

t.test('a second ADD is refused and changes nothing', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  const calls: string[] = []
  const plugin = worldly(world, calls)
  await plugin.add(makeCall('ADD', name), undefined, host)
  calls.length = 0
  await t.rejects(plugin.add(makeCall('ADD', name), undefined, host), { code: 102 })
  t.strictSame(calls, [])
  t.equal(world.size, 4)
})

t.test('an ADD clears away what an earlier life of the container left', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  const calls: string[] = []
  const plugin = worldly(world, calls)
  await plugin.add(makeCall('ADD', name), undefined, host)
  calls.length = 0
  const netns = { path: '/run/netns/y', fd: -1, identity: { dev: 4, ino: 4712 } }
  await plugin.add(makeCall('ADD', name, { netns }), undefined, host)
  t.strictSame(calls.slice(0, 5), ['undo d', 'undo c', 'undo b', 'undo a', 'apply a'])
})

t.test('a step that finds its place taken leaves it to its owner', async t => {
  const name = `net${network++}`
  const world: World = new Set(['c/c1'])
  const calls: string[] = []
  const taken = new CniError(102, 'c is there already')
  await t.rejects(
    worldly(world, calls, { failApply: 'c', failWith: taken }).add(makeCall('ADD', name), undefined, host),
    taken,
  )
  t.strictSame([...world], ['c/c1'])
  t.strictSame(calls.slice(3), ['undo b', 'undo a'])
})

t.test('CHECK names what is gone, and needs a record', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  const plugin = worldly(world, [])
  await t.rejects(plugin.check(makeCall('CHECK', name), undefined, host), { code: 100, message: /no record/ })
  await plugin.add(makeCall('ADD', name), undefined, host)
  world.delete('c/c1')
  await t.rejects(plugin.check(makeCall('CHECK', name), undefined, host), { code: 100, message: 'c is gone' })
  t.equal(world.size, 3)
})

t.test('GC undoes what is not valid, sweeps what no record knows, and keeps the rest', async t => {
  const name = `net${network++}`
  const world: World = new Set()
  const plugin = worldly(world, [])
  for (const containerId of ['c1', 'c2', 'c3'])
    await plugin.add(makeCall('ADD', name, { containerId }), undefined, host)
  world.add('a/orphan')
  const gc = makeCall('GC', name, {
    containerId: '',
    ifname: '',
    validAttachments: [{ containerId: 'c2', ifname: 'eth0' }],
  })
  await plugin.gc(gc, undefined, host)
  t.strictSame([...world].sort(), ['a/c2', 'b/c2', 'c/c2', 'd/c2'])
  t.strictSame(records(name), ['c2@eth0.worldly.json'])
  await plugin.gc({ ...gc, validAttachments: [] }, undefined, host)
  t.equal(world.size, 0)
  t.notOk(readdirSync(join(runDir, 'attachments')).includes(name), 'the network is forgotten')
})

t.test('records: long names, unreadable content, leftovers of killed writers', async t => {
  const store = new RecordStore(runDir)
  const name = `net${network++}`
  const long = { network: name, containerId: 'x'.repeat(300), ifname: 'eth0' }
  const other = { ...long, containerId: `${'x'.repeat(299)}y` }
  const common = { format: 1, plugin: 'p', state: 'attached', netns: { path: '', dev: 0, ino: 0 } } as const
  const rest = { config: {}, args: '', steps: [], facts: {}, createdAt: '' }
  store.write({ ...common, ...long, ...rest })
  t.equal(store.read(other, 'p'), undefined, 'long names are told apart')
  t.match(store.read(long, 'p'), { containerId: long.containerId })
  store.remove(long, 'p')
  store.remove(long, 'p')
  t.strictSame(records(name), [])
  const { writeFileSync } = await import('node:fs')
  writeFileSync(join(runDir, 'attachments', name, 'broken@eth0.p.json'), '{"format"')
  t.equal(store.read({ network: name, containerId: 'broken', ifname: 'eth0' }, 'p'), undefined)
  writeFileSync(join(runDir, 'attachments', name, '.half@eth0.p.json'), '{')
  t.strictSame(store.list(name, 'p'), [])
  t.strictSame(records(name), ['broken@eth0.p.json'])
})

t.test('STATUS says when records can not be written', async t => {
  const env = { PLUMBLINE_RUN_DIR: '/dev/null/plumbline' }
  await t.rejects(worldly(new Set(), []).status(makeCall('STATUS', 'x', { env }), undefined, host), {
    code: 50,
  })
})
