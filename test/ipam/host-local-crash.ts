// SIGKILL at any point: every verb is ended before each of its file operations that change something, and half-way
// through each write. What is left must be whole leases, usable by the next call, and gone after DEL or GC.
import * as fs from 'node:fs'
import t from 'tap'
import type { Files } from '../../ipam/host-local/files.js'
import { systemFiles } from '../../ipam/host-local/files.js'
import { bootOf, Site, type SiteOptions, seeded, watchedFiles } from '../helpers/host-local.js'

/** Not a system error: nobody may catch it and go on. */
class Killed extends Error {}

const changing: ReadonlySet<keyof Files> = new Set([
  'openSync',
  'writeSync',
  'linkSync',
  'unlinkSync',
  'renameSync',
  'utimesSync',
  'ftruncateSync',
  'mkdirSync',
])

/** Dies at the `n`th change, or half-way through it when it is a write. Dead is dead: nothing after it happens. */
function dyingFiles(n: number, half: boolean): { files: Files; diedAt: () => keyof Files | undefined } {
  let seen = 0
  let dead: keyof Files | undefined
  const files = watchedFiles((name, args) => {
    if (dead) throw new Killed()
    if (!changing.has(name) || ++seen < n) return
    dead = name
    if (half && name === 'writeSync') {
      const [fd, data, , length, position] = args as [number, Uint8Array, number, number, number | undefined]
      if (length > 1) systemFiles.writeSync(fd, data, 0, length >> 1, position)
    }
    throw new Killed()
  })
  return { files, diedAt: () => dead }
}

const dual: SiteOptions = {
  boot: bootOf('now'),
  ipam: { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]] },
}

/** Eight addresses for each attachment. */
const eight: SiteOptions = {
  ...dual,
  ipam: { ranges: Array.from({ length: 8 }, (_, i) => [{ subnet: `10.1.${i}.0/24` }]) },
}

interface Scenario {
  readonly name: string
  readonly options?: SiteOptions
  /** Dies at every so many changes only, where there are many of the same kind. */
  readonly stride?: number
  readonly prepare: (net: Site) => Promise<unknown>
  readonly act: (net: Site) => Promise<unknown>
}

const scenarios: readonly Scenario[] = [
  { name: 'the first ADD', prepare: async () => {}, act: net => net.add('victim') },
  {
    name: 'ADD with an index',
    prepare: async net => {
      await net.add('a')
      await net.add('b')
    },
    act: net => net.add('victim'),
  },
  {
    name: 'ADD after a foreign change',
    prepare: async net => {
      await net.add('a')
      net.plant('10.1.0.3', 'reference\r\neth0')
      net.plant('10.1.0.4', '')
    },
    act: net => net.add('victim'),
  },
  {
    name: 'DEL',
    prepare: async net => {
      await net.add('a')
      await net.add('victim')
    },
    act: net => net.del('victim'),
  },
  {
    name: 'DEL without an index',
    prepare: async net => {
      await net.add('victim')
      fs.rmSync(`${net.runDir}/ipam`, { recursive: true })
    },
    act: net => net.del('victim'),
  },
  {
    name: 'GC',
    prepare: async net => {
      for (const owner of ['a', 'victim', 'b', 'c']) await net.add(owner)
    },
    act: net => net.gc('a', 'b'),
  },
  {
    name: 'the first call of a boot',
    prepare: async net => {
      const old = net.other({ boot: bootOf('before', 9000) })
      for (const owner of ['a', 'b', 'c']) await old.add(owner)
      const at = new Date(Date.now() - 8_000_000)
      for (const ip of ['10.1.0.2', '10.1.0.3', 'fd00::2']) fs.utimesSync(`${net.directory}/${ip}`, at, at)
    },
    act: net => net.add('victim'),
  },
  {
    name: 'STATUS',
    prepare: async net => net.add('a'),
    act: net => net.status(),
  },
  {
    name: 'ADD that outgrows the index',
    options: eight,
    stride: 5,
    prepare: async net => {
      // A table has 16 buckets at least, room for 310 slots, and is made for 1.5 times what it holds.
      for (let i = 0; i < 200; i++) net.plant(`10.1.200.${i}`, `planted${i}\r\neth0`)
      for (let i = 0; i < 13; i++) await net.add(`c${i}`)
    },
    act: async net => {
      await net.add('victim')
      await net.add('victim:eth1')
    },
  },
]

for (const { name, options = dual, stride = 1, prepare, act } of scenarios)
  t.test(name, async t => {
    /** Ends `act` at its `n`th change; says which it was, or undefined when it has fewer. */
    const killAt = async (n: number, half: boolean): Promise<keyof Files | undefined> => {
      const net = new Site(options)
      try {
        await prepare(net)
        const before = net.leases()
        const { files, diedAt } = dyingFiles(n, half)
        const actor = net.other({ files })
        if (half) await act(actor).catch(() => {})
        else await act(actor).catch(error => diedAt() ?? Promise.reject(error))
        if (diedAt() !== undefined)
          await aftermath(net, before, problem =>
            t.fail(`change ${n}, ${half ? 'half of ' : ''}${diedAt()}: ${problem}`),
          )
        return diedAt()
      } finally {
        net.remove()
      }
    }
    let points = 0
    for (let n = 1; ; n += stride) {
      const died = await killAt(n, false)
      if (died === undefined) break
      if (died === 'writeSync') await killAt(n, true)
      points++
    }
    t.ok(points > 0, `${points} points`)
  })

/** What must hold after a death, whatever was going on. */
async function aftermath(
  net: Site,
  before: Record<string, string>,
  problem: (text: string) => void,
): Promise<void> {
  const left = net.leases()
  for (const [ip, text] of Object.entries(left))
    if (text !== (before[ip] || text) || !(text === '' || /^\w+\r\neth\d$/.test(text)))
      problem(`${ip} holds ${JSON.stringify(text)}`)
  const index = fs.existsSync(net.directory) ? net.index() : 'none'
  if (index !== 'valid' && index !== 'none') problem(`the index says it is valid, but ${index}`)

  const given = (await net.lease('next')).split(',')
  for (const ip of given) if (left[ip]) problem(`${ip} is given to two`)
  if (net.index() !== 'valid') problem(`after the next ADD the index is ${net.index()}`)
  if (net.names().includes('.plumbline.new')) problem('a temporary file is left')
  for (const [ip, text] of Object.entries(net.leases())) if (text === '') problem(`${ip} is empty still`)

  await net.del('victim')
  await net.del('victim:eth1')
  const victims = Object.entries(net.leases()).filter(([, text]) => text.startsWith('victim'))
  if (victims.length > 0) problem(`DEL leaves ${victims}`)
  await net.gc()
  if (Object.keys(net.leases()).length > 0) problem('GC leaves leases')
  if (net.index() !== 'valid') problem(`in the end the index is ${net.index()}`)
}

t.test('500 random calls, a third of them killed, against a model', async t => {
  const random = seeded(20261121)
  const net = new Site({ boot: bootOf('now'), ipam: { subnet: '10.1.0.0/26' } })
  t.teardown(() => net.remove())
  const holders = new Map<string, string>()
  for (let i = 0; i < 500; i++) {
    const owner = `c${Math.floor(random() * 70)}`
    const killed = random() < 0.33
    const { files } = dyingFiles(killed ? 1 + Math.floor(random() * 12) : Infinity, random() < 0.5)
    const actor = net.other({ files })
    if (random() < 0.55) {
      const ip = await actor.lease(owner).catch(() => undefined)
      if (ip !== undefined) {
        if (holders.has(ip)) t.fail(`${ip} given to ${owner}, and ${holders.get(ip)} has it`)
        holders.set(ip, owner)
      }
    } else {
      const done = await actor.del(owner).then(
        () => true,
        () => false,
      )
      // A DEL that was killed may have released or not: the runtime repeats it before it forgets the container.
      if (!done) await net.del(owner)
      for (const [ip, holder] of holders) if (holder === owner) holders.delete(ip)
    }
  }
  await net.gc(...new Set(holders.values()))
  const held = Object.entries(net.leases()).map(([ip, text]) => `${ip} ${text}`)
  // An ADD killed before its answer leaves a lease that its owner's DEL releases; owners with an answer keep theirs.
  for (const [ip, holder] of holders)
    if (!held.includes(`${ip} ${holder}\r\neth0`)) t.fail(`${ip} of ${holder} is lost`)
  await net.gc()
  t.strictSame(net.leases(), {})
})
