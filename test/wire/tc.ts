// Qdiscs, classes, filters and actions: our requests against those of tc, and what the kernel tells.
import t, { type Test } from 'tap'
import { AF_INET } from '../../wire/netlink/constants.js'
import * as r from '../../wire/route/constants.js'
import { ETH_P_ALL, ETH_P_IP } from '../../wire/route/constants-link.js'
import { gact } from '../../wire/tc/action/gact.js'
import { redirect } from '../../wire/tc/action/mirred.js'
import { setMark } from '../../wire/tc/action/skbedit.js'
import * as c from '../../wire/tc/constants.js'
import { MATCH_ALL } from '../../wire/tc/filter/u32.js'
import { decodeFilter, encodeFilter, type Filter } from '../../wire/tc/filter.js'
import { handleOf } from '../../wire/tc/message.js'
import { htb, htbClass } from '../../wire/tc/qdisc/htb.js'
import { tbf } from '../../wire/tc/qdisc/tbf.js'
import { decodeQdisc, encodeQdisc, type Qdisc } from '../../wire/tc/qdisc.js'
import { rateSpec, ticks } from '../../wire/tc/rate.js'
import { canonical } from '../helpers/canonical.js'
import { golden, plain, sentBy } from '../helpers/golden.js'
import { matchBytes } from '../helpers/match-bytes.js'
import { bytesOf, roundTrips } from '../helpers/round-trip.js'

const captures = ['tc/qdisc', 'tc/filter'].flatMap(golden)
const broken = { name: 'WireError', offset: Number }

function sameQdisc(t: Test, command: string, type: number, qdisc: Qdisc): void {
  const want = canonical(type, sentBy(captures, command, type).payload)
  matchBytes(
    t,
    canonical(
      type,
      bytesOf(w => encodeQdisc(w, qdisc)),
    ),
    want,
    command,
  )
}

function sameFilter(t: Test, command: string, type: number, filter: Filter): void {
  const want = canonical(type, sentBy(captures, command, type).payload)
  matchBytes(
    t,
    canonical(
      type,
      bytesOf(w => encodeFilter(w, filter)),
    ),
    want,
    command,
  )
}

function told<T>(command: string, type: number, decode: (payload: Buffer) => T): unknown[] {
  const messages = captures.find(capture => capture.command === command)?.received ?? []
  return messages.filter(message => message.type === type).map(({ payload }) => plain(decode(payload)))
}

t.test('every captured message comes back as it was', async t => {
  t.ok(roundTrips(t, 'tc/qdisc') > 30)
  t.ok(roundTrips(t, 'tc/filter') > 20)
})

t.test('qdiscs without ado', async t => {
  const root = { index: 10, parent: c.TC_H_ROOT }
  const cases: [string, Qdisc][] = [
    [
      'tc qdisc add dev p0 root handle 1: htb default 10 r2q 20',
      {
        ...root,
        handle: handleOf(1),
        kind: 'htb',
        options: { htb: { init: { ...htb({ defaultClass: 0x10 }).init!, rateToQuantum: 20 } } },
      },
    ],
    [
      'tc qdisc add dev p0 parent 1:10 handle 10: pfifo limit 100',
      {
        index: 10,
        parent: handleOf(1, 0x10),
        handle: handleOf(0x10),
        kind: 'pfifo',
        options: { pfifo: { limit: 100 } },
      },
    ],
    [
      'tc qdisc add dev p0 parent 1:20 handle 20: bfifo limit 100000',
      {
        index: 10,
        parent: handleOf(1, 0x20),
        handle: handleOf(0x20),
        kind: 'bfifo',
        options: { bfifo: { limit: 100000 } },
      },
    ],
    [
      'tc qdisc add dev p1 ingress',
      { index: 11, parent: c.TC_H_INGRESS, handle: 0xffff0000, kind: 'ingress' },
    ],
    ['tc qdisc add dev p1 clsact', { index: 11, parent: c.TC_H_CLSACT, handle: 0xffff0000, kind: 'clsact' }],
    ['tc qdisc replace dev i0 root noqueue', { index: 2, parent: c.TC_H_ROOT, kind: 'noqueue' }],
    [
      'tc qdisc add dev i0 ingress_block 7 egress_block 8 clsact',
      {
        index: 2,
        parent: c.TC_H_CLSACT,
        handle: 0xffff0000,
        kind: 'clsact',
        ingressBlock: 7,
        egressBlock: 8,
      },
    ],
    [
      'tc qdisc add dev i0 root fq_codel limit 1000 flows 64 target 5ms interval 100ms quantum 1514 noecn memory_limit 4mb ce_threshold 1ms drop_batch 32',
      {
        index: 2,
        parent: c.TC_H_ROOT,
        kind: 'fq_codel',
        options: {
          fq_codel: {
            limit: 1000,
            flows: 64,
            target: 5000,
            interval: 100000,
            quantum: 1514,
            ecn: 0,
            memoryLimit: 4 << 20,
            ceThreshold: 1000,
            dropBatch: 32,
          },
        },
      },
    ],
  ]
  for (const [command, qdisc] of cases) sameQdisc(t, command, r.RTM_NEWQDISC, qdisc)
  sameQdisc(t, 'tc qdisc del dev p0 root', r.RTM_DELQDISC, root)
  sameQdisc(t, 'tc class del dev p0 classid 1:20', r.RTM_DELTCLASS, { index: 10, handle: handleOf(1, 0x20) })
})

/** What tc adds for old kernels: tables of times, and in the rates how they were computed. */
function withoutTables(value: unknown): unknown {
  const drop = (key: string, v: unknown) => {
    if (/Table$/.test(key)) return undefined
    return key === 'cellLog' || key === 'cellAlign' ? 0 : v
  }
  return JSON.parse(JSON.stringify(value, drop))
}

t.test('tbf', async t => {
  const options = (command: string) =>
    withoutTables(plain(decodeQdisc(sentBy(captures, command, r.RTM_NEWQDISC).payload).options?.tbf))
  // tc rounds a packet's time to microseconds first, so a little is missing from its ticks.
  const near = (spec: ReturnType<typeof tbf>, buffer: number, mtu = 0) => ({
    ...(plain(spec) as object),
    parms: { ...(plain(spec.parms) as object), buffer, mtu },
  })
  t.same(
    options('tc qdisc add dev p0 root tbf rate 10mbit burst 32kbit latency 400ms'),
    near(tbf({ rate: 1250000, burst: 4096, limit: 504096 }), 51187),
  )
  t.equal(ticks(4096, 1250000), 51200)
  t.same(
    options('tc qdisc replace dev p0 root tbf rate 8mbit burst 64kb limit 1mb peakrate 16mbit minburst 1540'),
    near(tbf({ rate: 1e6, burst: 65536, limit: 1 << 20, peak: { rate: 2e6, burst: 1540 } }), 1024000, 12031),
  )
  t.same(
    options('tc qdisc replace dev p0 root handle 1: tbf rate 40gbit burst 1mb latency 10ms'),
    near(tbf({ rate: 5e9, burst: 1 << 20, limit: 51048576 }), 3812),
  )
  const [shown] = told('tc -s qdisc show dev p0', r.RTM_NEWQDISC, decodeQdisc).filter(
    qdisc => (qdisc as Qdisc).kind === 'tbf',
  )
  t.match(shown, { handle: handleOf(1), parent: c.TC_H_ROOT, options: { tbf: { rate64: '5000000000' } } })
})

t.test('classes of htb', async t => {
  const command = 'tc class add dev p0 parent 1: classid 1:1 htb rate 100mbit ceil 200mbit'
  const sent = decodeQdisc(sentBy(captures, command, r.RTM_NEWTCLASS).payload)
  t.match(sent, { index: 10, handle: handleOf(1, 1), parent: handleOf(1), kind: 'htb' })
  t.same(
    withoutTables(plain(sent.options?.htb)),
    plain(htbClass({ rate: 12.5e6, ceil: 25e6, burst: 1600, ceilBurst: 1600 })),
  )
  const fast = decodeQdisc(
    sentBy(captures, 'tc class add dev p0 parent 1:1 classid 1:20 htb rate 40gbit', r.RTM_NEWTCLASS).payload,
  )
  t.match(withoutTables(plain(fast.options?.htb)), {
    rate64: '5000000000',
    ceil64: '5000000000',
    parms: { rate: { rate: 0xffffffff } },
  })
  const ours = htbClass({ rate: 5e9 })
  t.match(ours, { rate64: 5_000_000_000n, ceil64: 5_000_000_000n, parms: { rate: { rate: 0xffffffff } } })
  const classes = told('tc -s class show dev p0', r.RTM_NEWTCLASS, decodeQdisc)
  t.match(
    classes.find(found => (found as Qdisc).handle === handleOf(1, 0x10)),
    {
      parent: handleOf(1, 1),
      options: { htb: { parms: { priority: 2, quantum: 1500, rate: { rate: 1250000 } } } },
    },
  )
})

t.test('rates', async t => {
  for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    t.throws(() => rateSpec(bad), RangeError)
  t.equal(rateSpec(0xfffffffe).rate64, undefined)
  t.equal(rateSpec(0xffffffff).rate64, 0xffffffffn)
  t.equal(ticks(1e12, 1), 0xffffffff)
})

t.test('filters and actions', async t => {
  const ingress = { index: 10, parent: 0xffff0000 }
  sameFilter(
    t,
    'tc filter add dev p0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev i0',
    r.RTM_NEWTFILTER,
    {
      ...ingress,
      protocol: ETH_P_ALL,
      kind: 'u32',
      options: { u32: { selector: MATCH_ALL, actions: [redirect(20)] } },
    },
  )
  sameFilter(
    t,
    'tc filter add dev p0 parent ffff: protocol ip prio 5 u32 match ip src 10.0.0.0/8 match ip dport 80 0xffff action mirred egress mirror dev i0 pipe action drop',
    r.RTM_NEWTFILTER,
    {
      ...ingress,
      protocol: ETH_P_IP,
      priority: 5,
      kind: 'u32',
      options: {
        u32: {
          selector: {
            flags: c.TC_U32_TERMINAL,
            keys: [
              { mask: 0xff000000, value: 0x0a000000, offset: 12 },
              { mask: 0xffff, value: 80, offset: 20 },
            ],
          },
          actions: [
            {
              kind: 'mirred',
              options: {
                mirred: { parms: { action: c.TC_ACT_PIPE, direction: c.TCA_EGRESS_MIRROR, to: 20 } },
              },
            },
            gact(c.TC_ACT_SHOT),
          ],
        },
      },
    },
  )
  sameFilter(
    t,
    'tc filter add dev p0 parent ffff: protocol all prio 9 handle 800::5 u32 match u16 0x1234 0xffff at -14 indev p0 action skbedit mark 1/0xff',
    r.RTM_NEWTFILTER,
    {
      ...ingress,
      protocol: ETH_P_ALL,
      priority: 9,
      handle: 0x80000005,
      kind: 'u32',
      options: {
        u32: {
          selector: { flags: c.TC_U32_TERMINAL, keys: [{ mask: 0xffff, value: 0x1234, offset: -16 }] },
          inputLink: 'p0',
          actions: [setMark(1, c.TC_ACT_PIPE, 0xff)],
        },
      },
    },
  )
  sameFilter(
    t,
    'tc filter add dev p0 ingress protocol all prio 20 matchall action mirred egress redirect dev i0',
    r.RTM_NEWTFILTER,
    {
      index: 10,
      parent: 0xfffffff2,
      protocol: ETH_P_ALL,
      priority: 20,
      kind: 'matchall',
      options: { matchall: { actions: [redirect(20)] } },
    },
  )
  sameFilter(
    t,
    'tc filter add dev p1 parent 1: protocol ip prio 1 u32 match ip dst 10.0.0.1 flowid 1:10',
    r.RTM_NEWTFILTER,
    {
      index: 11,
      parent: handleOf(1),
      protocol: ETH_P_IP,
      priority: 1,
      kind: 'u32',
      options: {
        u32: {
          classId: handleOf(1, 0x10),
          selector: { flags: 1, keys: [{ mask: 0xffffffff, value: 0x0a000001, offset: 16 }] },
        },
      },
    },
  )
  sameFilter(t, 'tc filter del dev p0 parent ffff: protocol ip prio 5', r.RTM_DELTFILTER, {
    ...ingress,
    protocol: ETH_P_IP,
    priority: 5,
  })
  t.match(
    plain(
      decodeFilter(
        sentBy(
          captures,
          'tc filter add dev p0 parent ffff: protocol all prio 8 u32 match u32 0 0 action gact drop random determ ok 10 cookie 0102030405',
          r.RTM_NEWTFILTER,
        ).payload,
      ).options?.u32?.actions,
    ),
    [
      {
        kind: 'gact',
        cookie: '0102030405',
        options: { gact: { parms: { action: 2 }, probability: { type: 2, value: 10, action: 0 } } },
      },
    ],
  )
  const shown = told('tc -s filter show dev p0 ingress', r.RTM_NEWTFILTER, decodeFilter)
  t.match(shown.at(-1), {
    kind: 'u32',
    priority: 49152,
    protocol: ETH_P_ALL,
    handle: 0x80000800,
    options: {
      u32: { actions: [{ kind: 'mirred', options: { mirred: { parms: { direction: 1, to: 20 } } } }] },
    },
  })
})

t.test('what is none, and what is not known', async t => {
  const filter = bytesOf(w =>
    encodeFilter(w, { index: 1, kind: 'u32', options: { u32: { selector: MATCH_ALL } } }),
  )
  const at = filter.length - 32
  t.equal(filter[at + 2], 1, 'how many keys there are')
  const lying = Buffer.from(filter).fill(2, at + 2, at + 3)
  t.throws(() => decodeFilter(lying), broken)
  t.throws(() => decodeFilter(filter.subarray(0, 19)), broken)
  t.throws(() => bytesOf(w => encodeFilter(w, { index: 1, priority: 65536 })), RangeError)
  const fifo = bytesOf(w =>
    encodeQdisc(w, { index: 1, kind: 'pfifo', options: { data: Uint8Array.of(1, 2) } }),
  )
  t.throws(() => decodeQdisc(fifo), broken)
  for (const kind of ['sfq', 'toString', '__proto__']) {
    const bytes = bytesOf(w =>
      encodeQdisc(w, { index: AF_INET, kind, options: { data: Uint8Array.of(1, 2) } }),
    )
    t.same([...(decodeQdisc(bytes).options?.data ?? [])], [1, 2], kind)
  }
})
