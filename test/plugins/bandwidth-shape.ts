// What limits become: token buckets, the fair queue below them, and what a kernel lacks.
import t from 'tap'
import { KernelError } from '../../kernel/error.js'
import type { Namespace } from '../../kernel/namespace.js'
import { fairQueue, queueFairly, queueFault } from '../../plugins/bandwidth/fair-queue.js'
import { tryAll } from '../../plugins/bandwidth/probe.js'
import { difference, frameOf, type Shape, shapeOf, tbfOptions } from '../../plugins/bandwidth/shape.js'
import { ifbIfname, isIfbIfname } from '../../plugins/names.js'
import { RTM_NEWQDISC } from '../../wire/route/constants.js'
import { encodeQdisc, type Qdisc } from '../../wire/tc/qdisc.js'
import { golden, sentBy } from '../helpers/golden.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import { bytesOf } from '../helpers/round-trip.js'

const skip = needs('root', 'iproute', 'nsenter')
/** Bytes a second. */
const mbit = 1e6 / 8

t.test('buckets', async t => {
  const cases: [limit: Parameters<typeof shapeOf>[0], mtu: number, expected: Shape][] = [
    [{ rate: mbit }, 1500, { rate: mbit, burst: 4 * 1518, limit: 8 * 1518, piece: 1518 }],
    [{ rate: 10 * mbit }, 1500, { rate: 10 * mbit, burst: 12_500, limit: 31_250, piece: 3906 }],
    [
      { rate: 10 * mbit, burst: 125_000 },
      1500,
      { rate: 10 * mbit, burst: 125_000, limit: 31_250, piece: 3906 },
    ],
    [{ rate: 1000 * mbit }, 1500, { rate: 1000 * mbit, burst: 1_250_000, limit: 3_125_000 }],
    [{ rate: 5000 * mbit }, 1500, { rate: 5000 * mbit, burst: 6_250_000, limit: 15_625_000 }],
    [{ rate: mbit }, 9000, { rate: mbit, burst: 4 * 9018, limit: 8 * 9018, piece: 9018 }],
    [{ rate: mbit, burst: 1 }, 1500, { rate: mbit, burst: 1518, limit: 8 * 1518 }],
    [{ rate: 1, burst: 1 }, 1500, { rate: 1, burst: 1518, limit: 8 * 1518 }],
    [{ rate: 1e15 }, 1500, { rate: 1e15, burst: 2 ** 32 - 1, limit: 2 ** 32 - 1 }],
  ]
  for (const [limit, mtu, expected] of cases)
    t.strictSame(shapeOf(limit, mtu), expected, `${JSON.stringify(limit)}, MTU ${mtu}`)
})

/** Before a kernel without it has been asked: it is not asked again. */
t.test('the fair queue on a kernel that has it', async t => {
  const made: Qdisc[] = []
  const kernelWith = (below?: string) =>
    ({
      qdisc: {
        replace: (qdisc: Qdisc) => made.push(qdisc),
        get: () => below && { index: 7, kind: below },
      },
    }) as unknown as Namespace
  const shape = shapeOf({ rate: mbit }, 1500)
  t.equal(queueFairly(kernelWith(), 7, shape, 1518), true)
  t.strictSame(made, [fairQueue(7, shape, 1518)])
  t.strictSame(
    [undefined, 'fq_codel', 'pfifo'].map(below =>
      [true, false, undefined].map(fair => queueFault(kernelWith(below), 7, fair)),
    ),
    [
      ['qdisc fq_codel is gone', undefined, undefined],
      [undefined, 'qdisc fq_codel is in the place of its queue', undefined],
      Array(3).fill('qdisc pfifo is in the place of its queue'),
    ],
  )
  t.throws(
    () => queueFairly({ qdisc: { replace: fails } } as unknown as Namespace, 7, shape, 1518),
    /EPERM/,
    'what is wrong otherwise is an error',
  )
})

function fails(): never {
  throw new KernelError('qdisc replace', 'fq_codel', 1)
}

t.test('the kernel tells the same bucket back, and every other is told apart', { skip }, async t => {
  const { ns } = tempNetns(t)
  ns.link.add({ name: 'v0', kind: 'veth', peer: { name: 'v1' } })
  const index = ns.link.index('v0')!
  const told = (shape: Shape) => {
    ns.qdisc.replace({ index, kind: 'tbf', handle: 0x10000, options: { tbf: tbfOptions(shape) } })
    return ns.qdisc.get({ index })?.options?.tbf ?? {}
  }
  for (const rate of [1, 100, 1000, 12_345, mbit, 10 * mbit, 999_999_937, 5000 * mbit, 2 ** 32, 40e9])
    for (const burst of [undefined, 1, Math.min(rate, 4e9)]) {
      const shape = shapeOf({ rate, burst }, 1500)
      t.equal(difference(shape, told(shape)), undefined, JSON.stringify(shape))
      // As little as can be told apart: buckets come back in units of 64 ns.
      const more = { rate: 1, limit: 1, burst: Math.ceil(shape.burst / 1e5 + rate / 5e6), piece: 800 }
      for (const [key, text] of [
        ['rate', 'rate'],
        ['limit', 'limit'],
        ['burst', 'burst'],
        ['piece', 'peak burst'],
      ] as const) {
        if (shape[key] === undefined) continue
        const other = { ...shape, [key]: shape[key] + more[key] }
        t.match(
          difference(other, told(shape)),
          RegExp(`^a ${text} of \\d+ bytes.*, not ${other[key]}$`),
          `${key} of ${JSON.stringify(shape)}`,
        )
      }
    }
  const cut = shapeOf({ rate: mbit }, 1500)
  const { piece: _, ...whole } = cut
  t.equal(difference(whole, told(cut)), 'a peak rate of 4000000000 bytes/s, not 0')
  t.equal(difference(cut, told(whole)), 'a peak rate of 0 bytes/s, not 4000000000')
  const { parms } = tbfOptions(cut)
  t.equal(
    difference(cut, { parms: { ...parms!, rate: { ...parms!.rate, overhead: 20 } } }),
    'a packet overhead of 20 bytes, not 0',
  )
  t.equal(
    difference(cut, { parms: { ...parms!, rate: { ...parms!.rate, mpu: 64 } } }),
    'a least packet of 64 bytes, not 0',
  )
  t.equal(difference(cut, {}), 'no parameters')
})

t.test('the fair queue, byte for byte as tc makes it', async t => {
  const captures = golden('tc/bandwidth')
  for (const [rate, command] of [
    [10 * mbit, 'quantum 1518 target 5ms interval 100ms'],
    [0.1 * mbit, 'quantum 1518 target 182160us interval 182160us'],
  ] as const) {
    const whole = `tc qdisc replace dev i0 parent 706c:1 handle 706d: fq_codel ${command} ecn memory_limit 1048576`
    const ours = fairQueue(20, shapeOf({ rate }, 1500), frameOf(1500))
    matchBytes(
      t,
      bytesOf(w => encodeQdisc(w, ours)),
      sentBy(captures, whole, RTM_NEWQDISC).payload,
      whole,
    )
  }
})

t.test('what a kernel lacks is named', async t => {
  /** A kernel that answers ENOENT to all that `lacks` says, of the kinds that are asked for. */
  const kernelWithout = (lacks: (kind: string) => boolean): Namespace => {
    const answer = (kind: string | undefined) => {
      if (lacks(kind ?? '')) throw new KernelError('add', kind ?? '', 2)
    }
    type Filter = Parameters<Namespace['filter']['add']>[0]
    return {
      link: { add: ({ kind }: { kind?: string }) => answer(kind), index: () => 7 },
      qdisc: { add: ({ kind }: { kind?: string }) => answer(kind), replace: () => {} },
      filter: {
        add({ kind, options }: Filter) {
          answer(kind)
          for (const action of options?.u32?.actions ?? []) answer(action.kind)
        },
      },
    } as unknown as Namespace
  }
  const options: Record<string, string[]> = {
    tbf: ['CONFIG_NET_SCH_TBF'],
    ifb: ['CONFIG_IFB'],
    ingress: ['CONFIG_NET_SCH_INGRESS'],
    u32: ['CONFIG_NET_CLS_U32'],
    mirred: ['CONFIG_NET_ACT_MIRRED'],
  }
  t.strictSame(tryAll(kernelWithout(() => false)), [])
  for (const [kind, expected] of Object.entries(options))
    t.strictSame(tryAll(kernelWithout(asked => asked === kind)), expected, kind)
  t.strictSame(tryAll(kernelWithout(kind => kind === 'tbf' || kind === 'mirred')), [
    'CONFIG_NET_SCH_TBF',
    'CONFIG_NET_ACT_MIRRED',
  ])
})

t.test('names of ifbs', async t => {
  const key = { network: 'net', containerId: 'c', ifname: 'eth0' }
  const name = ifbIfname(key)
  t.match(name, /^plb[a-z2-7]{12}$/)
  t.equal(isIfbIfname(name, 'net'), true)
  t.equal(isIfbIfname(name, 'other'), false)
  t.equal(isIfbIfname('plbridge0', 'net'), false)
  t.not(ifbIfname({ ...key, ifname: 'eth1' }), name)
})
