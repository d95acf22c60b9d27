// nf_tables codecs against what nft sends (test/golden/nft): decoded and encoded again, the bytes are the same.
import t from 'tap'
import { NlReader, NlWriter } from '../../wire/netlink/attr.js'
import { NLM_F_REQUEST } from '../../wire/netlink/constants.js'
import { decodeMessages } from '../../wire/netlink/message.js'
import { decodeChain } from '../../wire/nft/chain.js'
import * as c from '../../wire/nft/constants.js'
import { decodeElements } from '../../wire/nft/element.js'
import { decodeExpr, type Expr, encodeExpr, exprList } from '../../wire/nft/expressions.js'
import { decodeGen, encodeGen } from '../../wire/nft/gen.js'
import { batchBegin, batchEnd, nftMsg, nftType } from '../../wire/nft/message.js'
import { decodeObject, encodeObject } from '../../wire/nft/object.js'
import { decodeRule, encodeRule, type RuleMessage } from '../../wire/nft/rule.js'
import { decodeSet } from '../../wire/nft/set.js'
import { decodeTable } from '../../wire/nft/table.js'
import {
  decodeUserdata,
  encodeUserdata,
  NFTNL_UDATA_COMMENT,
  stringEntry,
  stringIn,
  u32Entry,
  u32In,
} from '../../wire/nft/userdata.js'
import { WireError } from '../../wire/wire-error.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { comparable, nftCodec, nftGolden } from '../helpers/nft-golden.js'

const suites = ['objects', 'inet', 'nat', 'ip', 'ip6', 'bridge', 'netdev', 'arp']

for (const suite of suites)
  t.test(`what nft sends: ${suite}`, async t => {
    for (const { command, messages } of nftGolden(suite).captures)
      for (const { type, flags, seq, payload, bytes } of messages) {
        const { encode, decode } = nftCodec(type)
        const value = decode(payload)
        const w = new NlWriter(16)
        w.nextSeq = seq
        w.message(type, flags, inner => encode(inner, value))
        // To flush a set nft writes its name before that of the table; nothing depends on the order.
        if (command.startsWith('flush set')) t.same(decode(w.finish().subarray(16)), value, command)
        else matchBytes(t, w.finish(), bytes, command)
        t.notMatch(JSON.stringify(comparable(value), bigintText), '"rest"', `all of it is known: ${command}`)
      }
  })

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

t.test('nouns as values', async t => {
  const sent = (command: string, at = 0) => {
    const capture = nftGolden('objects').captures.find(each => each.command === command)
    return capture!.messages[at]!.payload
  }
  t.match(decodeTable(sent('add table inet t { comment "all of ours"; }')), {
    family: c.NFPROTO_INET,
    name: 't',
    flags: 0,
  })
  t.same(
    comparable(
      decodeChain(
        sent('add chain netdev n two { type filter hook ingress devices = { lo, veth0 } priority 0; }'),
      ),
    ),
    {
      family: c.NFPROTO_NETDEV,
      table: 'n',
      name: 'two',
      type: 'filter',
      hook: { hooknum: c.NF_NETDEV_INGRESS, priority: 0, devices: ['veth0', 'lo'] },
    },
  )
  t.match(
    decodeChain(
      sent(
        'add chain inet t forw { type filter hook forward priority -10; policy accept; comment "forwarded"; }',
      ),
    ),
    {
      hook: { hooknum: c.NF_INET_FORWARD, priority: -10 },
      policy: c.NF_ACCEPT,
    },
  )
  t.match(
    decodeSet(
      sent('add set inet t netports { type ipv4_addr . inet_proto . inet_service; flags interval; }'),
    ),
    {
      flags: c.NFT_SET_INTERVAL | c.NFT_SET_CONCAT,
      keyType: (7 << 12) | (12 << 6) | 13,
      keyLen: 12,
      desc: { fields: [{ len: 4 }, { len: 1 }, { len: 2 }] },
    },
  )
  const [first, second] = decodeElements(
    sent('add element inet t nets { 192.168.0.10-192.168.0.20 comment "twelve" }'),
  ).elements!
  t.same(comparable(first?.key), 'c0a8000a')
  t.equal(stringIn(decodeUserdata(first!.userdata!), NFTNL_UDATA_COMMENT), 'twelve')
  t.match(comparable(second), { flags: c.NFT_SET_ELEM_INTERVAL_END, key: 'c0a80015' })
  t.match(decodeObject(sent('add quota inet t left { 5000 bytes used 100 bytes }')), {
    name: 'left',
    type: c.NFT_OBJECT_QUOTA,
    data: { kind: 'quota', bytes: 5000n, consumed: 100n, flags: 0 },
  })
})

const rule = (expressions: readonly Expr[]): RuleMessage => ({
  family: c.NFPROTO_IPV4,
  table: 't',
  chain: 'c',
  expressions,
})

function bytesOf(write: (w: NlWriter) => void): Buffer {
  const w = new NlWriter(16)
  write(w)
  return w.finish()
}

t.test('what is not known is kept', async t => {
  // As iptables-nft has it: a name, a revision and a struct of that extension.
  const match: Expr = {
    kind: 'raw',
    name: 'match',
    rest: [
      {
        type: c.NFTA_EXPR_DATA | 0x8000,
        data: Buffer.from('0a000100636f6d6d656e740008000200000000000600030061000000', 'hex'),
      },
    ],
  }
  const bytes = bytesOf(w => encodeRule(w, rule([match, { kind: 'notrack' }])))
  t.same(comparable(decodeRule(bytes).expressions), comparable([match, { kind: 'notrack' }]))

  const newer: Expr = {
    kind: 'counter',
    packets: 1n,
    bytes: 2n,
    rest: [{ type: 9, data: Buffer.of(1, 2, 3) }],
  }
  const again = decodeRule(bytesOf(w => encodeRule(w, rule([newer])))).expressions
  t.same(comparable(again), comparable([newer]))

  const noun = { ...rule([]), rest: [{ type: 77, data: Buffer.of(5) }] }
  t.same(comparable(decodeRule(bytesOf(w => encodeRule(w, noun)))), comparable(noun))

  const object = {
    family: 1,
    table: 't',
    name: 'x',
    type: 99,
    data: { kind: 'raw', rest: [{ type: 1, data: Buffer.of(7) }] },
  } as const
  t.same(comparable(decodeObject(bytesOf(w => encodeObject(w, object)))), comparable(object))
})

t.test('what is broken is refused', async t => {
  const broken = (hex: string) => () => decodeRule(Buffer.from(hex, 'hex'))
  t.throws(broken('0100'), WireError, 'no room for a header')
  t.throws(broken('01000000ff000100'), WireError, 'an attribute longer than the message')
  const expression = (write: (w: NlWriter) => void) => () => decodeExpr(new NlReader(bytesOf(write)))
  t.throws(
    expression(w => w.attrString(c.NFTA_EXPR_NAME, 'meta')),
    /meta without key/,
  )
  t.throws(
    expression(w => w.attrFlag(c.NFTA_EXPR_DATA)),
    /without a name/,
  )
  const cmp = (write: (w: NlWriter) => void) =>
    expression(w =>
      w.attrString(c.NFTA_EXPR_NAME, 'cmp').nested(c.NFTA_EXPR_DATA, inner => {
        inner.attrU32be(c.NFTA_CMP_SREG, 1).attrU32be(c.NFTA_CMP_OP, 0).nested(c.NFTA_CMP_DATA, write)
      }),
    )
  t.throws(
    cmp(() => {}),
    /neither value nor verdict/,
  )
  t.throws(
    cmp(w => w.nested(c.NFTA_DATA_VERDICT, inner => inner.attrU32be(c.NFTA_VERDICT_CODE, 1))),
    /a verdict where/,
  )
  t.throws(() => encodeExpr(new NlWriter(), { kind: 'no such' } as never), RangeError)
  t.throws(() => decodeGen(Buffer.from('00000000', 'hex')), /without id/)
  t.same(decodeGen(bytesOf(w => encodeGen(w, { family: 0, id: 7 }))), { family: 0, id: 7 })
})

t.test('lists keep to their kind of item', async t => {
  const field = exprList(c.NFTA_RULE_EXPRESSIONS)
  const bytes = bytesOf(w =>
    w.nested(c.NFTA_RULE_EXPRESSIONS, outer => {
      outer.attrU32(7, 1)
      outer.nested(c.NFTA_LIST_ELEM, inner => encodeExpr(inner, { kind: 'notrack' }))
    }),
  )
  const reader = new NlReader(bytes)
  reader.next()
  t.same(field.read(reader), [{ kind: 'notrack' }])
})

t.test('batches', async t => {
  const w = new NlWriter()
  batchBegin(w, 0x01020304)
  batchEnd(w)
  const [begin, end] = [...decodeMessages(w.finish())]
  t.match(begin, { type: 16, flags: NLM_F_REQUEST, seq: 1 })
  t.equal(
    begin!.payload.toString('hex'),
    '0000000a' + '0800010001020304',
    'AF_UNSPEC, version 0, nf_tables; NFNL_BATCH_GENID',
  )
  t.match(end, { type: 17, flags: NLM_F_REQUEST, seq: 2 })
  t.equal(end!.payload.toString('hex'), '0000000a')
  t.equal(nftType(c.NFT_MSG_NEWRULE), 0x0a06)
  t.equal(nftMsg(0x0a06), c.NFT_MSG_NEWRULE)
  t.equal(nftMsg(0x0106), undefined, 'of conntrack')
})

t.test('userdata', async t => {
  const bytes = encodeUserdata([stringEntry(0, 'zwölf'), u32Entry(1, 0x01020304)])
  t.equal(Buffer.from(bytes).toString('hex'), '00077a77c3b66c6600010404030201')
  const entries = decodeUserdata(bytes)
  t.equal(stringIn(entries, 0), 'zwölf')
  t.equal(u32In(entries, 1), 0x01020304)
  t.equal(stringIn(entries, 5), undefined)
  t.equal(u32In(entries, 0), undefined, 'not a number')
  t.equal(stringIn([{ type: 0, data: Buffer.from('bare') }], 0), 'bare', 'without a NUL')
  t.same(decodeUserdata(Buffer.alloc(0)), [])
  t.throws(() => decodeUserdata(Buffer.from('0005aa', 'hex')), WireError)
  t.throws(() => decodeUserdata(Buffer.from('00', 'hex')), WireError)
  t.throws(() => encodeUserdata([{ type: 0, data: Buffer.alloc(256) }]), RangeError)
})
