// Mutated messages against every decoder of nf_tables, and what is made of them: whatever comes, it comes back as a
// value or as a WireError. Seeded: FUZZ_SEED and FUZZ_ROUNDS choose other runs.
import t from 'tap'
import { elementsFrom } from '../../kernel/nft/element.js'
import { decodeEvent } from '../../kernel/nft/monitor.js'
import { raise } from '../../kernel/nft/raise.js'
import { ruleText } from '../../kernel/nft/rule.js'
import { setBody, setFrom } from '../../kernel/nft/set.js'
import { NlWriter } from '../../wire/netlink/attr.js'
import * as c from '../../wire/nft/constants.js'
import type { ElementsMessage } from '../../wire/nft/element.js'
import { nftMsg } from '../../wire/nft/message.js'
import type { RuleMessage } from '../../wire/nft/rule.js'
import type { SetMessage } from '../../wire/nft/set.js'
import { decodeUserdata } from '../../wire/nft/userdata.js'
import { WireError } from '../../wire/wire-error.js'
import { nftSets } from '../helpers/nft-cases.js'
import { nftCodec, nftGolden } from '../helpers/nft-golden.js'
import { type Random, random } from '../helpers/random.js'

const seed = Number(process.env.FUZZ_SEED ?? 62)
const rounds = Number(process.env.FUZZ_ROUNDS ?? 40_000)

const suites = ['objects', 'inet', 'nat', 'ip6', 'bridge', 'netdev', 'arp']
const samples = suites.flatMap(suite => nftGolden(suite).captures.flatMap(({ messages }) => messages))

const table = { family: 'inet', name: 't' } as const
const sets = nftSets('inet')
const known = {
  get: (name: string) => (sets as Readonly<Record<string, (typeof sets)['addrs']>>)[name],
  elements: () => [],
}

/** Decodes, encodes what was decoded, and makes of it whatever is made of such messages. */
function digest(type: number, bytes: Buffer): void {
  const { decode, encode } = nftCodec(type)
  const value = decode(bytes)
  encode(new NlWriter(), value)
  decodeEvent({ type, flags: 0, seq: 0, pid: 0, payload: bytes })
  const msg = nftMsg(type)
  if (value.userdata !== undefined) decodeUserdata(value.userdata)
  if (msg === c.NFT_MSG_NEWRULE) {
    const statements = raise(table, (value as RuleMessage).expressions ?? [], known)
    ruleText({ kind: 'rule', chain: { table, name: 'c' }, statements })
  } else if (msg === c.NFT_MSG_NEWSET) {
    const set = setFrom(value as SetMessage)
    if (set !== undefined) setBody(set)
  } else if (msg === c.NFT_MSG_NEWSETELEM) {
    const { set, elements = [] } = value as ElementsMessage
    const of = known.get(set ?? '')
    if (of !== undefined) elementsFrom(of, elements)
  }
}

function mutate(sample: Buffer, other: Buffer, { below, bytes, pick }: Random): Buffer {
  let out = Buffer.from(sample)
  for (let n = below(3); n >= 0; n--) {
    const at = below(out.length + 1)
    const kind = below(7)
    if (out.length === 0 || kind === 0) out = Buffer.concat([out, bytes(below(8))])
    else if (kind === 1) out = out.subarray(0, at)
    else if (kind === 2)
      out.fill(pick([0, 1, 4, 0x7f, 0x80, 0xff]), at, Math.min(out.length, at + 1 + below(4)))
    else if (kind === 3 && at < out.length) out[at]! ^= 1 << below(8)
    // The length or the type of an attribute, more often than not.
    else if (kind === 4 && at + 4 < out.length)
      out.writeUInt16LE(pick([0, 3, 4, 5, 8, 12, 65535, below(64)]), at & ~3)
    else if (kind === 5 && at + 4 < out.length)
      out.writeUInt16LE(below(24) | pick([0, 0x8000, 0x4000]), (at & ~3) + 2)
    else out = Buffer.concat([out.subarray(0, at & ~3), other.subarray(below(other.length + 1) & ~3)])
  }
  return Buffer.from(out)
}

// A decoder that went on for ever would meet the timeout.
t.test(`mutated messages, seed ${seed}`, { timeout: 120_000 }, async t => {
  const source = random(seed)
  const outcomes = { values: 0, refusals: 0 }
  let failures = 0
  for (let round = 0; round < rounds && failures < 5; round++) {
    const { type, payload } = source.pick(samples)
    const bytes = mutate(payload, source.pick(samples).payload, source)
    try {
      digest(type, bytes)
      outcomes.values++
    } catch (error) {
      if (error instanceof WireError) outcomes.refusals++
      else {
        failures++
        t.fail(`${type}: ${String(error)}`, { bytes: bytes.toString('hex'), trace: (error as Error).stack })
      }
    }
  }
  t.equal(failures, 0)
  // Mutations that are all refused, or all taken, would test little.
  t.ok(outcomes.values > rounds / 10 && outcomes.refusals > rounds / 10, JSON.stringify(outcomes))
})
