// Limits of attachments that run: changed, added, taken away, and what is left where the change is cut off.
import t, { type Test } from 'tap'
import { type AttachmentRecord, RecordStore } from '../../cni/record.js'
import { changeLimits, currentLimits, type LimitChange, type Limits } from '../../plugins/bandwidth/limit.js'
import { type Limited, shaping, ways, withLimits } from '../helpers/limiting.js'
import { needs } from '../helpers/needs.js'
import { type Json, tcJson } from '../helpers/netns.js'
import { bridgeConf, type PluginWorld, plainConf, pluginWorld } from '../helpers/plugin-world.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

const both = { ingressRate: 80e6, egressRate: 40e6 }
const started: Limits = { ingress: { rate: 10e6, burst: 100_000 }, egress: { rate: 5e6, burst: 50_000 } }

function eachWay(name: string, test: (t: Test, world: PluginWorld, way: string) => Promise<void>): void {
  t.test(name, { skip }, async t => {
    for (const way of Object.keys(ways)) await t.test(way, t => test(t, pluginWorld(t), way))
  })
}

const change = ({ world, key, conf }: Limited, wish: LimitChange): Promise<Limits> =>
  changeLimits(world.host, world.runDir, key, conf.type, wish)

const recordOf = ({ world, key, conf }: Limited): AttachmentRecord | undefined =>
  new RecordStore(world.runDir).read(key, conf.type)

/** The kernel, the record and CHECK agree on these limits. */
async function agree(t: Test, limited: Limited, limits: Limits, what: string): Promise<void> {
  const { world, end, ifb, call } = limited
  const { ingress, egress } = limits
  t.strictSame(currentLimits(recordOf(limited)!), limits, `${what}: on record`)
  t.match(shaping(world, end), ingress ? { root: 'tbf', ...ingress } : { root: 'noqueue' }, `${what}: to it`)
  t.match(
    shaping(world, end),
    egress ? { others: ['ingress'], to: [ifb] } : { others: [], to: [] },
    `${what}: diverted`,
  )
  if (egress) t.match(shaping(world, ifb), { root: 'tbf', ...egress }, `${what}: from it`)
  else t.notMatch(world.ip('link show'), [{ ifname: ifb }], `${what}: no ifb`)
  t.equal((await call('CHECK')).stdout, '', `${what}: CHECK`)
}

/** Each change with what is in force afterwards, from `both` on. */
const changes: [what: string, wish: LimitChange, expected: Limits][] = [
  ['to it', { ingress: { rate: 1e6 } }, { ...started, ingress: { rate: 1e6, burst: 10_000 } }],
  [
    'from it, with a burst',
    { egress: { rate: 1e6, burst: 20_000 } },
    { ingress: { rate: 1e6, burst: 10_000 }, egress: { rate: 1e6, burst: 20_000 } },
  ],
  ['nothing', {}, { ingress: { rate: 1e6, burst: 10_000 }, egress: { rate: 1e6, burst: 20_000 } }],
  ['none to it', { ingress: null }, { egress: { rate: 1e6, burst: 20_000 } }],
  ['none to it, again', { ingress: null }, { egress: { rate: 1e6, burst: 20_000 } }],
  ['none at all', { egress: null }, {}],
  ['from it, anew', { egress: { rate: 2e6 } }, { egress: { rate: 2e6, burst: 20_000 } }],
  ['the other way', { ingress: { rate: 8e6 }, egress: null }, { ingress: { rate: 8e6, burst: 80_000 } }],
  [
    'both',
    { ingress: { rate: 4e6 }, egress: { rate: 5e6 } },
    { ingress: { rate: 4e6, burst: 40_000 }, egress: { rate: 5e6, burst: 50_000 } },
  ],
]

eachWay('changes', async (t, world, way) => {
  const limited = await withLimits(world, way, both)
  await agree(t, limited, started, 'as it was made')
  for (const [what, wish, expected] of changes) {
    t.strictSame(await change(limited, wish), expected, `${what}: in force`)
    await agree(t, limited, expected, what)
  }
  t.equal((await limited.call('DEL')).stdout, '')
  t.notMatch(JSON.stringify(world.outside().host), /tbf|ingress|plb/, 'DEL leaves nothing')
})

t.test('of an attachment that has none', { skip }, async t => {
  for (const way of ['in bridge', 'in ptp'])
    await t.test(way, async t => {
      const world = pluginWorld(t)
      const limited = await withLimits(world, way, {})
      await agree(t, limited, {}, 'as it was made')
      const limits = await change(limited, { ingress: { rate: 1e6 }, egress: { rate: 2e6 } })
      t.strictSame(limits, { ingress: { rate: 1e6, burst: 10_000 }, egress: { rate: 2e6, burst: 20_000 } })
      await agree(t, limited, limits, 'limited')
      world.sh(`tc qdisc del dev ${limited.end} root`)
      t.match((await limited.call('CHECK')).error, { code: 100, msg: /^qdisc tbf is gone from / })
      t.strictSame(await change(limited, {}), limits, 'a change that changes nothing repairs')
      await agree(t, limited, limits, 'repaired')
      t.equal((await limited.call('DEL')).stdout, '')
      t.notMatch(JSON.stringify(world.outside().host), /tbf|ingress|plb/)
    })
})

t.test('behind bridge, by the name of either plugin', { skip }, async t => {
  const world = pluginWorld(t)
  const limited = await withLimits(world, 'behind bridge', both)
  await changeLimits(world.host, world.runDir, limited.key, 'bridge', { ingress: { rate: 1e6 } })
  await agree(t, limited, { ...started, ingress: { rate: 1e6, burst: 10_000 } }, 'as bridge')
})

t.test('in place', { skip }, async t => {
  const world = pluginWorld(t)
  const limited = await withLimits(world, 'in bridge', both)
  const { end, ifb, container } = limited
  container.trySh('ping -c 3 -i 0.01 -W 1 10.1.0.1')
  const passed = () =>
    [end, ifb].map(link => (tcJson(world.path, `-s qdisc show dev ${link} root`) as Json[])[0].packets)
  const before = passed()
  t.ok(before.every(packets => packets > 0))
  await change(limited, { ingress: { rate: 1e6 }, egress: { rate: 1e6 } })
  for (const [i, packets] of passed().entries())
    t.ok(packets >= before[i]!, 'the same bucket counts on, so it was there all the time')
})

t.test('rates of every size', { skip }, async t => {
  const world = pluginWorld(t)
  const limited = await withLimits(world, 'in bridge', both)
  for (const rate of [1, 125, 1000, 125e6, 625e6, 2 ** 32 - 1, 2 ** 32, 2 ** 40]) {
    await change(limited, { ingress: { rate }, egress: { rate } })
    t.equal((await limited.call('CHECK')).stdout, '', String(rate))
  }
})

t.test('refused, with nothing changed', { skip }, async t => {
  const world = pluginWorld(t)
  const limited = await withLimits(world, 'in bridge', both)
  const before = world.outside()
  for (const limit of [
    { rate: 0 },
    { rate: -1 },
    { rate: 1.5 },
    { rate: Number.NaN },
    { rate: 2 ** 53 },
    { rate: 1e6, burst: 0 },
    { rate: 1e6, burst: 2 ** 32 },
  ])
    for (const direction of ['ingress', 'egress'])
      await t.rejects(change(limited, { [direction]: limit }), {
        code: 7,
        message: RegExp(`^${direction} can't be limited to ${limit.rate} bytes a second`),
      })
  const none = { ...limited.key, containerId: 'nobody' }
  await t.rejects(changeLimits(world.host, world.runDir, none, 'bridge', {}), {
    code: 3,
    message: 'bridged/nobody/eth0 is not attached by bridge',
  })
  t.strictSame(world.outside(), before)

  const plain = await withLimits(world, 'in bridge', {})
  world.sh(`tc qdisc add dev ${plain.end} root pfifo limit 9`)
  world.sh(`tc qdisc add dev ${limited.end} parent 706c:1 handle 5: pfifo limit 9`)
  const foreign = world.outside()
  await t.rejects(change(plain, { egress: { rate: 1e6 }, ingress: { rate: 1e6 } }), {
    code: 7,
    message: `${plain.end} has a root qdisc that is not ours`,
  })
  t.strictSame(world.outside(), foreign, "somebody else's qdisc stays")
  world.sh(`tc qdisc del dev ${plain.end} root; tc qdisc add dev ${plain.end} ingress
    tc filter add dev ${plain.end} parent ffff: prio 3 protocol all u32 match u32 0 0 action mirred egress redirect dev lo`)
  const filtered = world.outside()
  await t.rejects(change(plain, { ingress: { rate: 1e6 }, egress: { rate: 1e6 } }), {
    code: 7,
    message: `${plain.end} has an ingress qdisc that is not ours`,
  })
  t.strictSame(world.outside(), filtered, 'and its filters')
  world.sh(`ip link del ${plain.end}`)
  await t.rejects(change(plain, { ingress: { rate: 1e6 } }), {
    code: 100,
    message: `host interface ${plain.end} is gone`,
  })
})

t.test('where there is nothing to limit', { skip }, async t => {
  const world = pluginWorld(t)
  const container = world.container()
  await world.add(plainConf(), container)
  await world.add({ cniVersion: '1.1.0', name: 'lo', type: 'loopback' }, container, { ifname: 'lo' })
  const key = { network: 'lo', containerId: container.id, ifname: 'lo' }
  const refusal = changeLimits(world.host, world.runDir, key, 'loopback', { ingress: { rate: 1e6 } })
  await t.rejects(refusal, { message: /no rate that could be limited|is not attached/ })
})

async function cutOff(t: Test, world: PluginWorld, way: string): Promise<void> {
  const { kernel, reaper } = world.host
  const wishes: [string, LimitChange][] = [
    ['changed', { ingress: { rate: 1e6 }, egress: { rate: 1e6 } }],
    ['removed', { ingress: null, egress: null }],
    ['added', { ingress: { rate: 2e6 }, egress: { rate: 2e6 } }],
  ]
  for (const [what, wish] of wishes) {
    let finished = false
    for (let cut = 0; !finished; cut++) {
      const limited = await withLimits(world, way, both, { ifname: 'eth1' })
      if (what === 'added') await change(limited, { ingress: null, egress: null })
      // From the cut on nothing reaches the kernel any more, as if the process were gone; its writes of the record fail as well.
      let left = cut
      const dying = <T extends object>(verbs: T): T =>
        new Proxy(verbs, {
          get(target, name) {
            const verb = Reflect.get(target, name) as unknown
            if (typeof verb !== 'function') return verb
            return (...args: unknown[]) => {
              if (left-- <= 0) throw new Error('killed')
              return Reflect.apply(verb, target, args)
            }
          },
        })
      const host = {
        ...world.host,
        kernel: {
          link: dying(kernel.link),
          qdisc: dying(kernel.qdisc),
          filter: dying(kernel.filter),
        } as never,
        reaper: dying(reaper),
      }
      const { runDir } = world
      finished = await changeLimits(host, runDir, limited.key, limited.conf.type, wish).then(
        () => true,
        error => {
          if (!/killed/.test(String(error))) throw error
          return false
        },
      )
      if (cut % 2 === 1 || finished) {
        const limits = await change(limited, wish)
        await agree(t, limited, limits, `${what}, cut off after ${cut}, and once more`)
      }
      t.equal((await limited.call('DEL')).stdout, '', `${what}, cut off after ${cut}: DEL`)
      await removeInterface(limited, way)
      t.notMatch(world.sh('tc qdisc; ip -br link'), /tbf|ingress|plb/, `${what}, cut off after ${cut}`)
      limited.container.remove()
    }
  }
}

for (const way of ['in bridge', "behind somebody else's"])
  t.test(`cut off at every request, ${way}`, { skip }, t => cutOff(t, pluginWorld(t), way))

async function removeInterface({ world, container, conf, key, end }: Limited, way: string): Promise<void> {
  if (way.startsWith('in ')) return
  if (way !== 'behind bridge') world.sh(`ip link del ${end}`)
  else {
    const bridge = { ...bridgeConf(world), prevResult: conf.prevResult }
    await world.call('DEL', bridge, container, { ifname: key.ifname })
  }
}
