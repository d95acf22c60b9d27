// Mutated messages against every decoder of rtnetlink and of netlink itself: whatever comes, it comes back as a value or
// as a WireError. Seeded: FUZZ_SEED and FUZZ_ROUNDS choose other runs. Messages that brought a decoder
// down, or were made to, are kept in test/fuzz/corpus/wire-route, the decoder's name before the hex, and come first.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { NlWriter } from '../../wire/netlink/attr.js'
import { decodeError } from '../../wire/netlink/error.js'
import { decodeMessages } from '../../wire/netlink/message.js'
import { decodeLink } from '../../wire/route/link.js'
import { WireError } from '../../wire/wire-error.js'
import { golden } from '../helpers/golden.js'
import { mutate } from '../helpers/mutate.js'
import { random } from '../helpers/random.js'
import { codecFor, codecs } from '../helpers/round-trip.js'

const seed = Number(process.env.FUZZ_SEED ?? 61)
const rounds = Number(process.env.FUZZ_ROUNDS ?? 40_000)
const corpus = new URL('../../../../test/fuzz/corpus/wire-route/', import.meta.url)

const areas = [
  ...[
    'route/link',
    'route/bridge',
    'route/vxlan',
    'route/macvlan',
    'route/address',
    'route/route',
    'route/neighbour',
  ],
  ...['route/rule', 'tc/qdisc', 'tc/filter'],
]
const messages = areas.flatMap(golden).flatMap(({ sent, received }) => [...sent, ...received])

/** A decoder, and what to feed it with. */
interface Target {
  readonly name: string
  readonly run: (bytes: Buffer) => void
  readonly samples: readonly Buffer[]
}

const families = Object.entries(codecs).map(([family, { decode, encode }]): Target => {
  const samples = messages
    .filter(message => codecFor(message) === codecs[Number(family)])
    .map(({ payload }) => payload)
  // What was decoded can be encoded, too: the values of a decoder are such as the encoder takes.
  return { name: `family-${family}`, run: bytes => encode(new NlWriter(), decode(bytes) as never), samples }
})
const targets: Target[] = [
  ...families,
  { name: 'link', run: bytes => void decodeLink(bytes), samples: families[0]!.samples },
  {
    name: 'datagram',
    run: bytes => {
      for (const message of decodeMessages(bytes)) if (message.type < 4) decodeError(message)
    },
    samples: messages.map(({ type, flags, payload }) => {
      const header = Buffer.alloc(16)
      header.writeUInt32LE(payload.length + 16)
      header.writeUInt16LE(type, 4)
      header.writeUInt16LE(flags, 6)
      return Buffer.concat([header, payload])
    }),
  },
]

function outcome(target: Target, bytes: Buffer): unknown {
  try {
    target.run(bytes)
    return 'value'
  } catch (error) {
    return error
  }
}

t.test('messages made to bring a decoder down', async t => {
  const files = existsSync(corpus) ? readdirSync(corpus) : []
  for (const file of files) {
    const [name, hex = ''] = readFileSync(new URL(file, corpus), 'utf8').trim().split(' ')
    const target = targets.find(candidate => candidate.name === name)
    const result = target && outcome(target, Buffer.from(hex, 'hex'))
    t.ok(result === 'value' || result instanceof WireError, file, { result: String(result) })
  }
})

// A decoder that went on for ever would meet the timeout.
t.test(`mutated messages, seed ${seed}`, { timeout: 120_000 }, async t => {
  const source = random(seed)
  const outcomes = { values: 0, refusals: 0 }
  let failures = 0
  for (let round = 0; round < rounds && failures < 5; round++) {
    const target = targets[round % targets.length]!
    const bytes = mutate(source.pick(target.samples), source.pick(target.samples), source)
    const result = outcome(target, bytes)
    if (result === 'value') outcomes.values++
    else if (result instanceof WireError) outcomes.refusals++
    else {
      failures++
      t.fail(`${target.name}: ${String(result)}`, {
        bytes: bytes.toString('hex'),
        trace: (result as Error).stack,
      })
    }
  }
  t.equal(failures, 0)
  // Mutations that are all refused, or all taken, would test little.
  t.ok(outcomes.values > rounds / 10 && outcomes.refusals > rounds / 10, JSON.stringify(outcomes))
})
