// The pure parts of host-local against naive models: which address is next, the index and its table, when a boot began.
import t from 'tap'
import { type Candidate, nextFree, type Occupancy } from '../../ipam/host-local/allocator.js'
import { earliest, systemBoot } from '../../ipam/host-local/boot.js'
import { systemFiles } from '../../ipam/host-local/files.js'
import { MemoryBacking } from '../../ipam/host-local/index-backing.js'
import { bearsMark, drawMark } from '../../ipam/host-local/index-file.js'
import { SlotTable, type Tag } from '../../ipam/host-local/index-table.js'
import { leaseText, parseLease, parseLeaseName } from '../../ipam/host-local/lease.js'
import { LeaseIndex } from '../../ipam/host-local/lease-index.js'
import { type RangeSet, rangeOf, resolveRange } from '../../ipam/host-local/range.js'
import { Ip, Prefix } from '../../wire/ip.js'
import { seeded } from '../helpers/host-local.js'

const set = (
  ...ranges: [subnet: string, start?: string, end?: string | undefined, gateway?: string][]
): RangeSet => ({
  key: 'test',
  ranges: ranges.map(([subnet, start, end, gateway]) =>
    resolveRange({
      key: '',
      subnet: Prefix.parse(subnet),
      rangeStart: start ? Ip.parse(start) : undefined,
      rangeEnd: end ? Ip.parse(end) : undefined,
      gateway: gateway ? Ip.parse(gateway) : undefined,
    }),
  ),
})

/** All addresses of a set in order. */
function list({ ranges }: RangeSet): Ip[] {
  return ranges.flatMap(({ start, end }) => {
    const ips: Ip[] = []
    for (let ip = start; ip.compare(end) <= 0; ip = ip.add(1)) ips.push(ip)
    return ips
  })
}

/** What the search must find, found by going through all. */
function naive(pool: RangeSet, last: Ip | undefined, taken: ReadonlySet<string>): Ip | undefined {
  const all = list(pool)
  const at = last ? all.findIndex(ip => ip.equals(last)) : -1
  return [...all.slice(at + 1), ...all.slice(0, at + 1)].find(
    ip => !taken.has(String(ip)) && !pool.ranges.some(({ gateway }) => gateway.equals(ip)),
  )
}

t.test('the next address is the one that a walk through all of them finds', async t => {
  const random = seeded(1)
  const pools = [
    set(['10.1.0.0/28']),
    set(
      ['10.1.0.0/28', '10.1.0.3', '10.1.0.9', '10.1.0.9'],
      ['10.2.0.0/29'],
      ['10.3.255.0/24', '10.3.255.250', '10.3.255.255'],
    ),
    set(['10.0.0.0/15', '10.0.255.250', '10.1.0.6']),
    set(['fd00::/64', 'fd00::fffa', 'fd00::1:5'], ['fd00:0:0:1::/125']),
    set(['fd00::/120', 'fd00::f0', undefined, 'fd00::ff']),
  ].map(pool => ({ pool, all: list(pool) }))
  for (const { pool, all } of pools) {
    const taken = new Map<string, Ip>()
    let index = LeaseIndex.build([])
    let last: Ip | undefined
    for (let i = 0; i < 400; i++) {
      const found: Candidate | undefined = nextFree(pool, last, index)
      const expected = naive(pool, last, new Set(taken.keys()))
      if (String(found?.ip) !== String(expected)) t.fail(`after ${last}: ${found?.ip}, expected ${expected}`)
      if (found && !rangeOf(pool, found.ip)) t.fail(`${found.ip} is of no range`)
      const full = random() < 0.1
      if (found && (random() < 0.7 || full)) {
        index.add(found.ip, { containerId: String(found.ip), ifname: 'eth0' })
        taken.set(String(found.ip), found.ip)
        last = found.ip
      }
      const out = [...taken.values()][Math.floor(random() * taken.size)]
      if (out && random() < 0.45) {
        index.remove(out, { containerId: String(out), ifname: 'eth0' })
        taken.delete(String(out))
      }
      if (random() < 0.1)
        last = random() < 0.5 ? all[Math.floor(random() * all.length)] : Ip.parse('192.0.2.1')
      if (random() < 0.02)
        index = LeaseIndex.build(
          [...taken.values()].map(ip => ({ ip, owner: { containerId: String(ip), ifname: 'eth0' } })),
        )
    }
    t.equal(index.counts.leases, taken.size)
  }
})

t.test('a search asks once a chunk, however many addresses there are', async t => {
  const asked: string[] = []
  const full: Occupancy = {
    firstFree: (chunk, low, high) => {
      asked.push(`${chunk} ${low}-${high}`)
      return -1
    },
  }
  t.equal(nextFree(set(['10.0.0.0/14', '10.0.0.9']), Ip.parse('10.1.0.5'), full), undefined)
  t.strictSame(asked, [
    '10.1.0.0 6-65535',
    '10.2.0.0 0-65535',
    '10.3.0.0 0-65534',
    '10.0.0.0 9-65535',
    '10.1.0.0 0-5',
  ])
  const nothing: Occupancy = { firstFree: (_chunk, low) => low }
  t.equal(String(nextFree(set(['fd00::/8']), undefined, nothing)?.ip), 'fd00::2')
  t.equal(String(nextFree(set(['0.0.0.0/0']), Ip.parse('255.255.255.254'), nothing)?.ip), '0.0.0.2')
  t.equal(String(nextFree(set(['::/0']), new Ip(new Uint8Array(16).fill(255)), nothing)?.ip), '::2')
})

t.test('the index knows what a Map knows', async t => {
  const random = seeded(2)
  const index = LeaseIndex.build([])
  const model = new Map<string, { ip: Ip; owner: { containerId: string; ifname?: string } | undefined }>()
  const someIp = () =>
    random() < 0.5
      ? new Ip(
          Uint8Array.of(10, Math.floor(random() * 3), Math.floor(random() * 256), Math.floor(random() * 8)),
        )
      : new Ip(
          Uint8Array.of(
            0xfd,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            Math.floor(random() * 40),
            0,
            0,
            Math.floor(random() * 200),
          ),
        )
  for (let i = 0; i < 12_000; i++) {
    const ip = someIp()
    const known = model.get(String(ip))
    if (index.isTaken(ip) !== (known !== undefined)) t.fail(`${ip}: ${index.isTaken(ip)}`)
    if (known === undefined) {
      const containerId = `c${Math.floor(random() * 900)}`
      const kind = random()
      const owner = kind < 0.05 ? undefined : kind < 0.15 ? { containerId } : { containerId, ifname: 'eth0' }
      index.add(ip, owner)
      model.set(String(ip), { ip, owner })
    } else if (known.owner !== undefined && random() < 0.6) {
      index.remove(ip, known.owner)
      model.delete(String(ip))
    }
    if (i % 100 !== 0) continue
    const owner = { containerId: `c${i % 900}`, ifname: 'eth0' }
    const held = [...model.values()].filter(one => one.owner && leaseText(one.owner) === leaseText(owner))
    t.same(new Set(index.candidates(owner).map(String)), new Set(held.map(one => String(one.ip))))
  }
  t.equal(index.counts.leases, model.size)
  t.ok(index.counts.buckets > 16, 'it has grown')
})

t.test('the table: full buckets, freed slots, and nothing that is not there', async t => {
  const buckets = 16
  const backing = new MemoryBacking(SlotTable.sizeOf(buckets))
  const table = new SlotTable(backing, 0, buckets)
  const address = (n: number) => Uint8Array.of(10, 0, n >> 8, n & 255)
  // 100 slots of one bucket spill over three others, and around the end.
  for (let n = 0; n < 100; n++) table.insert([n, 15], 1, address(n), n)
  for (let n = 0; n < 100; n++) t.equal(table.find([n, 15], 1)[0]?.value, n)
  t.strictSame(table.find([100, 15], 1), [])
  t.strictSame(table.find([5, 15], 2), [], 'of another kind')
  t.strictSame(table.find([5, 31], 1), [], 'of the same bucket')
  // Over and over through the same places: a search stays short, since nothing is marked that isn't in use.
  for (let n = 0; n < 2000; n++) {
    const tag: Tag = [n % 100, 15]
    const [slot] = table.find(tag, 1)
    table.free(slot!)
    if (table.find(tag, 1).length > 0) t.fail(`${n} is still there`)
    table.insert(tag, 1, address(n % 100), n)
  }
  for (let n = 0; n < 100; n++) table.free(table.find([n, 15], 1)[0]!)
  t.notOk(
    backing.bytes.some((byte, at) => at % 1024 < 4 && byte !== 0),
    'no bucket remembers having been passed',
  )
  t.notOk(
    backing.bytes.some((byte, at) => at % 32 === 8 && byte !== 0),
    'every slot is free',
  )
})

t.test('lease files: names and texts', async t => {
  for (const name of ['10.0.0.1', 'fd00::1', '::', '1:2:3:4:5:6:7:8'])
    t.equal(String(parseLeaseName(name)), name)
  for (const name of [
    'lock',
    'last_reserved_ip.0',
    '.plumbline.new',
    'fd00:0::1',
    'FD00::1',
    '10.0.0.01',
    '10.0.0',
    'a',
    '',
  ])
    t.equal(parseLeaseName(name), undefined, name)
  for (const owner of [
    { containerId: 'a.b_c-d', ifname: 'eth0' },
    { containerId: 'f'.repeat(300), ifname: 'é' },
  ])
    t.same(parseLease(leaseText(owner)), owner)
  t.same(parseLease('a\neth0\n'), { containerId: 'a', ifname: 'eth0' })
  t.same(parseLease('a'), { containerId: 'a', ifname: undefined })
  for (const text of ['', ' \n', '\0\0', 'a\0b', 'a\r\n\x01'])
    t.equal(parseLease(text), 'free', JSON.stringify(text))
  for (const text of ['two words', 'a\nb\nc', 'a\r\nb/c', 'a\tb'])
    t.equal(parseLease(text), 'reserved', JSON.stringify(text))
})

t.test('a boot began at the earliest time that is of this boot', async t => {
  const [btime, before, after] = [1.8e12, 1.79e12, 1.81e12]
  t.equal(earliest(btime, []), btime)
  t.equal(earliest(btime, [undefined, after]), btime, 'mounted later')
  t.equal(earliest(btime, [after, before]), before, 'the clock was set forward since')
  t.equal(earliest(btime, [0, 4e6]), btime, 'mounted before the clock was set')
  t.equal(earliest(0, [before]), 0, 'no btime: no lease is older')

  const boot = systemBoot()
  t.match(boot.id, /^[0-9a-f-]{36}$/)
  t.ok(boot.startedAt() > 1e12 && boot.startedAt() <= Date.now())
  const bare = systemBoot({
    ...systemFiles,
    readFileSync: (() => 'cpu 1 2 3\n') as never,
    statfsSync: (() => {
      throw new Error('ENOENT')
    }) as never,
  })
  t.equal(bare.startedAt(), 0)
})

t.test('a mark is in the past, whatever the clock and the file system', async t => {
  for (const now of [Date.now(), 0, 5000, 1.8e12])
    for (const random of [0, 0.5, 0.999999]) {
      const mark = drawMark(now, random)
      t.ok(mark >= 1 && (mark <= now / 1000 - 3600 || mark === 1), `${now} ${random}`)
      t.ok(bearsMark(BigInt(Math.floor(mark * 1e6)) * 1000n, mark))
      t.ok(bearsMark(BigInt(Math.floor(mark)) * 1_000_000_000n, mark), 'whole seconds')
    }
  t.notOk(bearsMark(BigInt(Date.now()) * 1_000_000n, drawMark(Date.now(), 0)))
})
