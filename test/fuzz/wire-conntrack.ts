// Mutated messages against the decoders of ctnetlink and sock_diag: whatever comes, it comes back as a value or as a
// WireError. Seeded: FUZZ_SEED and FUZZ_ROUNDS choose other runs.
import t from 'tap'
import { decodeConntrack, encodeConntrack } from '../../wire/conntrack/entry.js'
import { decodeFlow, encodeFlow } from '../../wire/conntrack/flow.js'
import { decodeConntrackStats } from '../../wire/conntrack/stats.js'
import { SOCK_DIAG_BY_FAMILY } from '../../wire/diag/constants.js'
import { decodeSocket } from '../../wire/diag/socket.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import { WireError } from '../../wire/wire-error.js'
import { golden } from '../helpers/golden.js'
import { mutate } from '../helpers/mutate.js'
import { random } from '../helpers/random.js'

const seed = Number(process.env.FUZZ_SEED ?? 61)
const rounds = Number(process.env.FUZZ_ROUNDS ?? 20_000)

const samples = (area: string) =>
  golden(area)
    .flatMap(({ sent, received }) => [...sent, ...received])
    .filter(({ type }) => type >= 256 || type === SOCK_DIAG_BY_FAMILY)
    .map(({ payload }) => payload)
const entries = samples('conntrack/entry')

// What was decoded can be encoded, too: the values of a decoder are such as the encoder takes.
const targets = [
  {
    name: 'entry',
    samples: entries,
    run: (bytes: Buffer) => encodeConntrack(new NlWriter(), decodeConntrack(bytes)),
  },
  { name: 'flow', samples: entries, run: (bytes: Buffer) => encodeFlow(new NlWriter(), decodeFlow(bytes)) },
  { name: 'stats', samples: entries, run: (bytes: Buffer) => void decodeConntrackStats(bytes) },
  { name: 'socket', samples: samples('diag/socket'), run: (bytes: Buffer) => void decodeSocket(bytes) },
] as const

// A decoder that went on for ever would meet the timeout.
t.test(`mutated messages, seed ${seed}`, { timeout: 120_000 }, async t => {
  const source = random(seed)
  const outcomes = { values: 0, refusals: 0 }
  let failures = 0
  for (let round = 0; round < rounds && failures < 5; round++) {
    const { name, samples, run } = targets[round % targets.length]!
    const bytes = mutate(source.pick(samples), source.pick(samples), source)
    try {
      run(bytes)
      outcomes.values++
    } catch (error) {
      if (error instanceof WireError) outcomes.refusals++
      else {
        failures++
        t.fail(`${name}: ${String(error)}`, { bytes: bytes.toString('hex'), trace: (error as Error).stack })
      }
    }
  }
  t.equal(failures, 0)
  // Mutations that are all refused, or all taken, would test little.
  t.ok(outcomes.values > rounds / 10 && outcomes.refusals > rounds / 10, JSON.stringify(outcomes))
})
