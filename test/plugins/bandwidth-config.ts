// The keys of bandwidth: where they may stand, what they become, what is refused.
import t from 'tap'
import type { Call, JsonObject } from '../../cni/call.js'
import { CniError } from '../../cni/error.js'
import { type BandwidthConfig, bandwidthConfig } from '../../plugins/bandwidth/config.js'

type Keys = Readonly<Record<string, unknown>>

function configOf(
  raw: Keys,
  where: 'chained' | 'inline' = 'chained',
  runtimeConfig: Keys = {},
): BandwidthConfig | undefined {
  return bandwidthConfig({ config: { raw: raw as JsonObject, runtimeConfig } } as unknown as Call, where)
}

/** The same keys at each place where they may stand, with the names that errors give them. */
const places: Record<string, { read(keys: Keys): BandwidthConfig | undefined; prefix: string }> = {
  chained: { read: keys => configOf(keys), prefix: '' },
  inline: { read: keys => configOf({ bandwidth: keys }, 'inline'), prefix: 'bandwidth.' },
  'runtimeConfig, chained': {
    read: keys => configOf({ type: 'bandwidth' }, 'chained', { bandwidth: keys }),
    prefix: 'runtimeConfig.bandwidth.',
  },
  'runtimeConfig, inline': {
    read: keys => configOf({ bandwidth: {} }, 'inline', { Bandwidth: keys }),
    prefix: 'runtimeConfig.bandwidth.',
  },
}

const second = 10e6 / 8
const good: [name: string, keys: Keys, expected: Omit<BandwidthConfig, 'warnings'> | undefined][] = [
  ['nothing', {}, undefined],
  ['zeros', { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }, undefined],
  ['null', { ingressRate: null }, undefined],
  ['one direction', { ingressRate: 10e6, ingressBurst: 800_000 }, { ingress: { rate: second, burst: 1e5 } }],
  ['the other', { egressRate: 10e6, egressBurst: 800_000 }, { egress: { rate: second, burst: 1e5 } }],
  [
    'both',
    { ingressRate: 8, ingressBurst: 8, egressRate: 16, egressBurst: 8 },
    { ingress: { rate: 1, burst: 1 }, egress: { rate: 2, burst: 1 } },
  ],
  ['no burst', { ingressRate: 10e6, egressRate: 0 }, { ingress: { rate: second } }],
  ['a burst of zero', { egressRate: 10e6, egressBurst: 0 }, { egress: { rate: second } }],
  [
    'less than a byte over',
    { ingressRate: 10_000_007, ingressBurst: 15 },
    { ingress: { rate: second, burst: 1 } },
  ],
  ['keys in other cases', { INGRESSRATE: 80, ingressburst: 80 }, { ingress: { rate: 10, burst: 10 } }],
  [
    'a burst of a second',
    { ingressRate: 10e6, ingressBurst: 10e6 },
    { ingress: { rate: second, burst: second } },
  ],
  ['a fast one', { ingressRate: 800e9, ingressBurst: 8e9 }, { ingress: { rate: 100e9, burst: 1e9 } }],
]

for (const [place, { read }] of Object.entries(places))
  t.test(place, async t => {
    for (const [name, keys, expected] of good)
      t.strictSame(read(keys), expected && { ...expected, warnings: [] }, name)
  })

t.test('static keys count before those of the runtime, and alone', async t => {
  const runtime = { bandwidth: { ingressRate: 80, ingressBurst: 80, egressRate: 80, egressBurst: 80 } }
  t.strictSame(configOf({ ingressRate: 160 }, 'chained', runtime), { ingress: { rate: 20 }, warnings: [] })
  t.strictSame(configOf({ bandwidth: { egressRate: 160 } }, 'inline', runtime), {
    egress: { rate: 20 },
    warnings: [],
  })
  t.equal(configOf({ ingressRate: 0 }, 'chained', runtime), undefined, 'a static 0 is no limit')
  t.match(
    configOf({ bandwidth: runtime.bandwidth }, 'chained'),
    undefined,
    'inline keys mean nothing chained',
  )
  t.match(configOf(runtime.bandwidth, 'inline'), undefined, 'nor the other way round')
})

t.test('bursts that are no limit any more', async t => {
  for (const [place, { read, prefix }] of Object.entries(places)) {
    t.strictSame(
      read({ ingressRate: 10e6, ingressBurst: 2 ** 31 - 1, egressRate: 1e9, egressBurst: 1e9 + 8 }),
      {
        ingress: { rate: second, burst: second / 10 },
        egress: { rate: 125e6, burst: 12.5e6 },
        warnings: [
          `${prefix}ingressBurst of 2147483647 bits is more than ${prefix}ingressRate passes in a second; using 1000000`,
          `${prefix}egressBurst of 1000000008 bits is more than ${prefix}egressRate passes in a second; using 100000000`,
        ],
      },
      place,
    )
  }
})

const bad: [keys: Keys, key: string, msg: string][] = [
  [{ ingressRate: -1 }, 'ingressRate', 'expected an integer of at least 0, got -1'],
  [{ ingressRate: 1.5 }, 'ingressRate', 'expected an integer of at least 0, got 1.5'],
  [{ egressRate: '10mbit' }, 'egressRate', 'expected an integer of at least 0, got "10mbit"'],
  [{ egressRate: true }, 'egressRate', 'expected an integer of at least 0, got true'],
  [{ ingressRate: 2 ** 53 }, 'ingressRate', 'expected an integer of at least 0, got 9007199254740992'],
  [{ ingressRate: 8e6, ingressBurst: -8 }, 'ingressBurst', 'expected an integer of at least 0, got -8'],
  [{ egressRate: 8e6, egressBurst: 1e300 }, 'egressBurst', 'expected an integer of at least 0, got 1e+300'],
  [{ egressRate: 8e6, egressBurst: [8] }, 'egressBurst', 'expected an integer of at least 0, got [8]'],
  [{ ingressRate: 7 }, 'ingressRate', 'expected 0, or at least 8 bits a second, got 7'],
  [
    { egressRate: 8e9, egressBurst: 8 * 2 ** 32 },
    'egressBurst',
    'expected less than 4 GiB, in bits, got 34359738368',
  ],
]

for (const [place, { read, prefix }] of Object.entries(places))
  t.test(`refused, ${place}`, async t => {
    for (const [keys, key, msg] of bad)
      t.match(
        refusal(() => read(keys)),
        {
          code: 7,
          message: `invalid value for ${JSON.stringify(prefix + key)}: ${msg}`,
        },
      )
    for (const direction of ['ingress', 'egress'])
      t.match(
        refusal(() => read({ [`${direction}Burst`]: 800, ingressRate: 0 })),
        {
          code: 7,
          message: `"${prefix}${direction}Burst" is 800, but there is no "${prefix}${direction}Rate"`,
        },
      )
  })

t.test('refused, of another shape', async t => {
  t.match(
    refusal(() => configOf({ bandwidth: 5 }, 'inline')),
    { code: 7, message: /"bandwidth".* got 5/ },
  )
  t.match(
    refusal(() => configOf({ bandwidth: [] }, 'inline')),
    { code: 7, message: /"bandwidth".* got \[\]/ },
  )
  t.match(
    refusal(() => configOf({}, 'chained', { bandwidth: 'fast' })),
    {
      code: 7,
      message: /"runtimeConfig\.bandwidth".* got "fast"/,
    },
  )
})

function refusal(work: () => unknown): CniError {
  try {
    return Object.assign(new Error('nothing was refused'), { got: work() }) as never
  } catch (error) {
    if (error instanceof CniError) return error
    throw error
  }
}
